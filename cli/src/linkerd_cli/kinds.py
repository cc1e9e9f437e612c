"""Names of kinds as people type them. PURE."""

from collections.abc import Mapping

from linkerd_cli.errors import UsageError

_NAMES: dict[str, tuple[str, ...]] = {
    "daemonset": ("daemonsets", "ds"),
    "deployment": ("deployments", "deploy"),
    "job": ("jobs",),
    "namespace": ("namespaces", "ns"),
    "pod": ("pods", "po"),
    "replicaset": ("replicasets", "rs"),
    "service": ("services", "svc"),
    "statefulset": ("statefulsets", "sts"),
}
Aliases = Mapping[str, str]
"""Kinds by what is typed for them."""


def _aliases(names: Mapping[str, tuple[str, ...]]) -> Aliases:
    return {alias: kind for kind, aliases in names.items() for alias in (kind, *aliases)}


_ALWAYS = _aliases(_NAMES)
# What some commands take besides.
WORKLOADS = _aliases(
    {"cronjob": ("cronjobs", "cj"), "replicationcontroller": ("replicationcontrollers", "rc")},
)
TRAFFIC = _aliases({"authority": ("authorities", "au"), "trafficsplit": ("trafficsplits", "ts")})
POLICIES = _aliases(
    {
        "server": ("servers", "srv"),
        "serverauthorization": ("serverauthorizations", "saz"),
        "authorizationpolicy": ("authorizationpolicies", "authzpolicy"),
        "httproute": ("httproutes",),
    }
)
ALL = {"all": "all"}
_SOMEWHERE = {**WORKLOADS, **TRAFFIC, **POLICIES, **ALL}


def canonical(typed: str, also: Aliases | None = None) -> str:
    """The kind that a word means; `also`: what the command takes besides those that all take. Raises UsageError."""
    word = typed.lower()
    kind = _ALWAYS.get(word) or (also or {}).get(word)
    if kind is None:
        if word in _SOMEWHERE:
            raise UsageError(f"{typed}: not a kind that this command takes")
        raise UsageError(f'cannot find Kubernetes canonical name from friendly name "{typed}"')
    return kind


def parse_resources(words: list[str], also: Aliases | None = None) -> list[tuple[str, str | None]]:
    """(kind, name or None) of `deploy`, `deploy/web`, `deploy web emoji`, `deploy/web po/x`. Raises UsageError."""
    if any("/" in word for word in words):
        found: list[tuple[str, str | None]] = []
        for word in words:
            kind, slash, name = word.partition("/")
            if not slash or not name:
                raise UsageError(f"{word}: write KIND/NAME for each resource")
            found.append((canonical(kind, also), name))
        return found
    kind = canonical(words[0], also)
    return [(kind, name) for name in words[1:]] or [(kind, None)]

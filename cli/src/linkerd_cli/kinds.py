"""Names of kinds as people type them. PURE."""

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
_ALIASES = {alias: kind for kind, aliases in _NAMES.items() for alias in (kind, *aliases)}
# What is measured, but has no pods.
_MEASURED = {
    **dict.fromkeys(("authority", "authorities", "au"), "authority"),
    **dict.fromkeys(("trafficsplit", "trafficsplits", "ts"), "trafficsplit"),
}
# Linkerd's, of later issues.
_NOT_YET = frozenset(
    {"all", "cronjob", "cronjobs", "cj", "rc", "replicationcontroller"}
    | {"server", "servers", "srv", "serverauthorization", "saz"}
    | {"authorizationpolicy", "authzpolicy", "httproute", "httproutes"}
)


def canonical(typed: str, *, measured: bool = False) -> str:
    """The kind that a word means; with `measured` also authority and trafficsplit. Raises UsageError."""
    kind = _ALIASES.get(typed.lower()) or (_MEASURED.get(typed.lower()) if measured else None)
    if kind is None:
        if typed.lower() in _NOT_YET or typed.lower() in _MEASURED:
            raise UsageError(f"{typed}: not implemented")
        raise UsageError(f'cannot find Kubernetes canonical name from friendly name "{typed}"')
    return kind


def parse_resources(words: list[str], *, measured: bool = False) -> list[tuple[str, str | None]]:
    """(kind, name or None) of `deploy`, `deploy/web`, `deploy web emoji`, `deploy/web po/x`. Raises UsageError."""
    if any("/" in word for word in words):
        found: list[tuple[str, str | None]] = []
        for word in words:
            kind, slash, name = word.partition("/")
            if not slash or not name:
                raise UsageError(f"{word}: write KIND/NAME for each resource")
            found.append((canonical(kind, measured=measured), name))
        return found
    kind = canonical(words[0], measured=measured)
    return [(kind, name) for name in words[1:]] or [(kind, None)]

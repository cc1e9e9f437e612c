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
# Linkerd's, of later issues.
_NOT_YET = frozenset(
    {"all", "authority", "au", "authorities", "cronjob", "cronjobs", "cj", "rc", "replicationcontroller"}
    | {"trafficsplit", "trafficsplits", "ts", "server", "servers", "srv", "serverauthorization", "saz"}
    | {"authorizationpolicy", "authzpolicy", "httproute", "httproutes"}
)


def canonical(typed: str) -> str:
    """The kind that a word means. Raises UsageError."""
    kind = _ALIASES.get(typed.lower())
    if kind is None:
        if typed.lower() in _NOT_YET:
            raise UsageError(f"{typed}: not implemented")
        raise UsageError(f'cannot find Kubernetes canonical name from friendly name "{typed}"')
    return kind


def parse_resources(words: list[str]) -> list[tuple[str, str | None]]:
    """(kind, name or None) of `deploy`, `deploy/web`, `deploy web emoji`, `deploy/web po/x`. Raises UsageError."""
    if any("/" in word for word in words):
        found: list[tuple[str, str | None]] = []
        for word in words:
            kind, slash, name = word.partition("/")
            if not slash or not name:
                raise UsageError(f"{word}: write KIND/NAME for each resource")
            found.append((canonical(kind), name))
        return found
    kind = canonical(words[0])
    return [(kind, name) for name in words[1:]] or [(kind, None)]

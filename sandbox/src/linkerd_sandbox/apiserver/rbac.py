"""Role-based access control: which rules a user has, and whether one covers a request. PURE.

As k8s.io/kubernetes/pkg/registry/rbac/validation and plugin/pkg/auth/authorizer/rbac.
"""

from collections.abc import Iterator

from linkerd_sandbox.apiserver.identity import SERVICE_ACCOUNT_PREFIX, User
from linkerd_sandbox.apiserver.objects import JsonObject, dig_list
from linkerd_sandbox.apiserver.requests import RequestInfo
from linkerd_sandbox.apiserver.store import Store

_GROUP = "rbac.authorization.k8s.io"
ROLES = f"roles.{_GROUP}"
CLUSTER_ROLES = f"clusterroles.{_GROUP}"
ROLE_BINDINGS = f"rolebindings.{_GROUP}"
CLUSTER_ROLE_BINDINGS = f"clusterrolebindings.{_GROUP}"


def _is_subject(subject: JsonObject, user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject.get("name") == user.name)
        case "Group":
            return subject.get("name") in user.groups
        case "ServiceAccount":
            where = subject.get("namespace") or namespace
            return user.name == f"{SERVICE_ACCOUNT_PREFIX}{where}:{subject.get('name')}"
        case _:
            return False


def _bound(binding: JsonObject, user: User, namespace: str) -> bool:
    return any(_is_subject(subject, user, namespace) for subject in dig_list(binding, "subjects"))


def _rules(store: Store, reference: JsonObject, namespace: str) -> list[JsonObject]:
    if reference.get("kind") == "ClusterRole":
        role = store.get(CLUSTER_ROLES, "", reference.get("name", ""))
    else:
        role = store.get(ROLES, namespace, reference.get("name", ""))
    return dig_list(role.body, "rules") if role else []


def rules_for(store: Store, user: User, namespace: str) -> Iterator[JsonObject]:
    """Every rule that the user has in a namespace (empty: cluster-wide)."""
    for binding in store.scan(CLUSTER_ROLE_BINDINGS):
        if _bound(binding.body, user, ""):
            yield from _rules(store, binding.body.get("roleRef", {}), "")
    if not namespace:
        return
    for binding in store.scan(ROLE_BINDINGS, namespace):
        if _bound(binding.body, user, namespace):
            yield from _rules(store, binding.body.get("roleRef", {}), namespace)


def allows(store: Store, user: User, info: RequestInfo) -> bool:
    """Whether one of the user's rules covers the request."""
    covers = covers_resource if info.resource_request else covers_path
    return any(covers(rule, info) for rule in rules_for(store, user, info.namespace))


def _has(choices: list[str], wanted: str) -> bool:
    return "*" in choices or wanted in choices


def covers_resource(rule: JsonObject, info: RequestInfo) -> bool:
    """Whether a rule covers a request for a resource."""
    if not _has(dig_list(rule, "verbs"), info.verb) or not _has(dig_list(rule, "apiGroups"), info.group):
        return False
    wanted = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    resources = dig_list(rule, "resources")
    if not _has(resources, wanted) and not (info.subresource and f"*/{info.subresource}" in resources):
        return False
    names = dig_list(rule, "resourceNames")
    return not names or info.name in names


def covers_path(rule: JsonObject, info: RequestInfo) -> bool:
    """Whether a rule covers a path that is no resource; a trailing `*` matches any rest."""
    if not _has(dig_list(rule, "verbs"), info.verb):
        return False
    return any(
        url == "*" or url == info.path or (url.endswith("*") and info.path.startswith(url[:-1]))
        for url in dig_list(rule, "nonResourceURLs")
    )

"""What a request asks for: verb, resource, namespace, name and subresource, read from method and path. PURE.

As k8s.io/apiserver/pkg/endpoints/request/requestinfo.go: authorization and routing both go by this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from linkerd_sandbox.apiserver import status

_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")
_COLLECTION = {"get": "list", "delete": "deletecollection"}


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request in the terms of RBAC."""

    verb: str
    path: str
    resource_request: bool = False
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    """Of the object; for a list or watch the one name that its field selector asks for, if any."""
    subresource: str = ""
    rest: str = ""
    """What follows the subresource, as in `services/NAME/proxy/REST`."""

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def truthy(value: str | None) -> bool:
    """A boolean of a query: `true`, `True`, `1`."""
    return value is not None and value.lower() in ("true", "1", "t", "")


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query; None where it is not given. Raises `StatusError` 400, in Go's words."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        if not text.isascii() or "_" in text or text != text.strip():
            raise ValueError
        return int(text)
    except ValueError:
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def parse(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """The request's meaning. Paths that name no resource get the lower-case method as verb."""
    parts = [unquote(part) for part in path.split("/") if part]
    group, version, rest = _prefix(parts)
    if not version or not rest:
        return RequestInfo(method.lower() if method != "HEAD" else "head", path)
    verb = _VERBS.get(method, method.lower())
    if rest[0] == "watch" and len(rest) > 1:
        # The old way to say it, whatever the method: aggregated APIs such as viz's tap still stand on it.
        verb, rest = "watch", rest[1:]
    namespace, rest = _namespace(rest)
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if not name:
        verb = _COLLECTION.get(verb, verb)
        if verb == "list" and truthy(query.get("watch")) and "watch" in query:
            verb = "watch"
        # A list of one name is authorized as that name: `resourceNames` then allow it (Kubernetes does the same).
        name = selected_name(query.get("fieldSelector", ""))
    if resource == "namespaces" and name and not group:
        namespace = name
    return RequestInfo(verb, path, True, group, version, resource, namespace, name, subresource, "/".join(rest[3:]))


def selected_name(field_selector: str) -> str:
    """X of a field selector with `metadata.name=X`, else empty."""
    for requirement in field_selector.split(","):
        key, equals, value = requirement.partition("=")
        if key == "metadata.name" and equals:
            return value.removeprefix("=")
    return ""


def _prefix(parts: list[str]) -> tuple[str, str, list[str]]:
    if len(parts) >= 2 and parts[0] == "api":
        return "", parts[1], parts[2:]
    if len(parts) >= 3 and parts[0] == "apis":
        return parts[1], parts[2], parts[3:]
    return "", "", []


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        return rest[1], rest[2:]
    return "", rest

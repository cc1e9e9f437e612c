"""PURE: documents of the Kubernetes API that an aggregated server answers with: Status, and discovery."""

from linkerd_contract.viz import TAP_GROUP as GROUP
from linkerd_contract.viz import TAP_VERSION as VERSION
from linkerd_kube import JsonObject
from linkerd_viz.tap.targets import PLURALS

GROUP_VERSION = f"{GROUP}/{VERSION}"
_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    413: "RequestEntityTooLarge",
    429: "TooManyRequests",
    500: "InternalError",
    502: "BadGateway",
    503: "ServiceUnavailable",
}


def status(code: int, message: str) -> JsonObject:
    """A failure, as kubectl and client libraries read it."""
    return {
        "apiVersion": "v1",
        "kind": "Status",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(code, ""),
        "code": code,
    }


def forbidden(user: str, plural: str, subresource: str, namespace: str, name: str) -> str:
    """Kubernetes' sentence."""
    return (
        f'{plural}.{GROUP} "{name}" is forbidden: User "{user}" cannot watch resource "{plural}/{subresource}" '
        f'in API group "{GROUP}" in the namespace "{namespace}"'
    )


def group() -> JsonObject:
    """APIGroup."""
    version = {"groupVersion": GROUP_VERSION, "version": VERSION}
    return {"apiVersion": "v1", "kind": "APIGroup", "name": GROUP, "versions": [version], "preferredVersion": version}


def group_list() -> JsonObject:
    """APIGroupList."""
    return {"apiVersion": "v1", "kind": "APIGroupList", "groups": [group()]}


def resource_list() -> JsonObject:
    """APIResourceList: a subresource tap of each kind, and whose values of headers are a right of their own."""
    resources = [
        {
            "name": f"{plural}/{subresource}",
            "singularName": "",
            "namespaced": plural != "namespaces",
            "kind": "Tap",
            "verbs": ["watch"],
        }
        for plural in PLURALS
        for subresource in ("tap", "tap-headers")
    ]
    return {"apiVersion": "v1", "kind": "APIResourceList", "groupVersion": GROUP_VERSION, "resources": resources}


def warning(text: str) -> str:
    """A value of the header Warning (RFC 7234, 5.5), which kubectl shows too."""
    safe = "".join(c if " " <= c < "\x7f" else "?" for c in text).replace("\\", "\\\\").replace('"', '\\"')
    return f'299 - "{safe}"'

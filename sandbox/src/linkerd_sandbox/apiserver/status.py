"""The API's errors: each is a `Status` object with the code, reason and wording that Kubernetes gives it.

Wording follows k8s.io/apimachinery/pkg/api/errors, because kubectl prints it and people (and their scripts) know it.
PURE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from linkerd_sandbox.apiserver.objects import JsonObject


class Cause(NamedTuple):
    """One thing that is wrong with a field."""

    field: str
    """Path, as in `spec.containers[0].image`."""
    reason: str
    """`FieldValueInvalid`, `FieldValueRequired`, `FieldValueNotSupported`, …"""
    message: str
    """What is wrong, without the path."""


@dataclass(slots=True)
class StatusError(Exception):
    """An answer that is not the object asked for."""

    code: int
    reason: str
    message: str
    details: JsonObject | None = None
    retry_after: int | None = None

    def __str__(self) -> str:
        return self.message

    def body(self) -> JsonObject:
        """The `Status` object of this error."""
        body: JsonObject = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        if not self.reason:
            del body["reason"]
        return body


def success(name: str, kind: str, uid: str, group: str = "") -> JsonObject:
    """The `Status` that answers a deletion which took effect at once."""
    details: JsonObject = {"name": name, "kind": kind, "uid": uid}
    if group:
        details["group"] = group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def _named(resource: str, name: str) -> JsonObject:
    plural, _, group = resource.partition(".")
    details: JsonObject = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    details["kind"] = plural
    return details


def not_found(resource: str, name: str) -> StatusError:
    """404 for one object; `resource` is `pods` or `deployments.apps`."""
    return StatusError(404, "NotFound", f'{resource} "{name}" not found', _named(resource, name))


def no_such_path() -> StatusError:
    """404 for a path or kind that is not served."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: str, name: str) -> StatusError:
    """409: create of a name that is taken."""
    return StatusError(409, "AlreadyExists", f'{resource} "{name}" already exists', _named(resource, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(resource: str, name: str, why: str = MODIFIED) -> StatusError:
    """409: the write was based on an older revision, or a precondition failed."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return StatusError(409, "Conflict", message, _named(resource, name))


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """422: the object breaks rules of its kind; each cause names a field."""
    shown = [f"{cause.field}: {cause.message}" for cause in causes]
    text = shown[0] if len(shown) == 1 else "[" + ", ".join(shown) + "]"
    qualified = f"{kind}.{group}" if group else kind
    details: JsonObject = {
        "name": name,
        "kind": kind,
        "causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes],
    }
    if group:
        details["group"] = group
    return StatusError(422, "Invalid", f'{qualified} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    """400."""
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    """401: credentials were given and are not good."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def forbidden(resource: str, name: str, why: str) -> StatusError:
    """403, as authorization and admission plugins word it."""
    if not resource:
        return StatusError(403, "Forbidden", f"forbidden: {why}", {})
    subject = f'{resource} "{name}" is forbidden' if name else f"{resource} is forbidden"
    return StatusError(403, "Forbidden", f"{subject}: {why}", _named(resource, name))


def method_not_allowed(resource: str) -> StatusError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, _named(resource, ""))


def expired(requested: int, oldest: int) -> StatusError:
    """410: the watch history no longer reaches back to the revision asked for; clients list again."""
    return StatusError(410, "Expired", f"too old resource version: {requested} ({oldest})")


def continue_expired() -> StatusError:
    """410 for a paginated list whose first page is too long ago."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. "
        "You can start a new list without the continue parameter."
    )
    return StatusError(410, "Expired", message)


def too_large(requested: int, current: int) -> StatusError:
    """504: a revision that this server has not reached (it was restarted, most likely)."""
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    message = f"Timeout: Too large resource version: {requested}, current: {current}"
    return StatusError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1}, retry_after=1)


def unsupported_media(served: Sequence[str]) -> StatusError:
    """415: a request body in a format that is not read here."""
    accepted = ", ".join(served)
    message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return StatusError(415, "UnsupportedMediaType", message)


def entity_too_large(why: str) -> StatusError:
    """413."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {why}", {})


def too_many_requests(message: str, retry_after: int, causes: Sequence[Cause] = ()) -> StatusError:
    """429: an eviction that would break a disruption budget, for example."""
    details: JsonObject = {"causes": [{"reason": c.reason, "message": c.message} for c in causes]} if causes else {}
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return StatusError(429, "TooManyRequests", message, details, retry_after=retry_after)


def internal(message: str) -> StatusError:
    """500."""
    details: JsonObject = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)


def not_implemented(what: str) -> StatusError:
    """501: part of Kubernetes that this server does not have."""
    return StatusError(501, "NotImplemented", f"{what}: not implemented by the sandbox's API server")

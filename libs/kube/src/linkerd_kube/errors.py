"""What the API can answer instead of what was asked: one class per answer that callers tell apart.

A failure of the connection is an ApiError too (Unreachable, status 0), with aiohttp's exception as its cause, so that
`except ApiError` is all that a caller needs.
"""

import msgspec

from linkerd_kube.objects import JsonObject


class ApiError(Exception):
    """An answer of the API server that is not a success. `status` is HTTP's, `reason` is Kubernetes' ("NotFound")."""

    def __init__(self, status: int, reason: str = "", message: str = "", details: JsonObject | None = None) -> None:
        super().__init__(message or reason or f"HTTP {status}")
        self.status = status
        self.reason = reason
        self.message = message or reason or f"HTTP {status}"
        self.details: JsonObject = details or {}

    @property
    def retry_after_seconds(self) -> float | None:
        """How long the server asks to wait (429, 503), where it says so."""
        value = self.details.get("retryAfterSeconds")
        return float(value) if isinstance(value, int | float) else None


class Unreachable(ApiError):
    """No answer: connection refused or lost, name not found, TLS failure, time out."""


class Unauthorized(ApiError):
    """401: the credentials are not accepted."""


class Forbidden(ApiError):
    """403: RBAC or admission said no."""


class NotFound(ApiError):
    """404: no such object, or the server does not serve such a kind."""


class Conflict(ApiError):
    """409: somebody changed the object meanwhile."""


class AlreadyExists(Conflict):
    """409 on create: the name is taken."""


class Gone(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""


class Invalid(ApiError):
    """422: the object breaks a rule; `message` names the field."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
}


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: JsonObject | None = None


def make_error(status: int, reason: str = "", message: str = "", details: JsonObject | None = None) -> ApiError:
    """The error of the right class."""
    kind = AlreadyExists if reason == "AlreadyExists" else _BY_STATUS.get(status, ApiError)
    return kind(status, reason, message, details)


def from_body(status: int, body: bytes) -> ApiError:
    """The error in an HTTP answer; a body that is no Status (a load balancer's page) becomes the message, cut short."""
    try:
        parsed = msgspec.json.decode(body, type=_Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return make_error(status, message=body[:200].decode("utf-8", "replace").strip())
    # A Status inside a watch carries its own code; that of an HTTP answer is the answer's.
    return make_error(status or parsed.code, parsed.reason, parsed.message, parsed.details)

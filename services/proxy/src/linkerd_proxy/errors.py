"""What can go wrong with a connection or a request: one exception class per cause.

Each names whose fault it is and carries what the client is told: the HTTP status, the gRPC status, and whether the
connection is closed after it (Linkerd's table). http/respond.py is the only place that turns one into bytes.
`label` is the value of the error label of the metrics, and the code that clients and traces are told; `phase` the stage
that failed. `cause` is its name among the errors of outbound_{http,grpc}_route_* (Linkerd's newer families).
"""

from enum import Enum
from typing import ClassVar

from linkerd_proxy.codec.h2.errors import NAMES, code_name

GRPC_CANCELLED = 1
GRPC_DEADLINE_EXCEEDED = 4
GRPC_NOT_FOUND = 5
GRPC_PERMISSION_DENIED = 7
GRPC_RESOURCE_EXHAUSTED = 8
GRPC_ABORTED = 10
GRPC_INTERNAL = 13
GRPC_UNAVAILABLE = 14


_RESET_CAUSES = {7: "REFUSED", 8: "CANCEL", 11: "ENHANCE_YOUR_CALM"}


class Fault(Enum):
    """Who caused it."""

    client = "client"
    """The client's bytes or choice."""
    server = "server"
    """The endpoint, or the way to it."""
    mesh = "mesh"
    """Policy, configuration, or this proxy."""


class ProxyError(Exception):
    """Base: an unexpected error of the proxy itself."""

    fault: ClassVar[Fault] = Fault.mesh
    status: ClassVar[int] = 500
    grpc_status: ClassVar[int] = GRPC_INTERNAL
    close: ClassVar[bool] = True
    label: str = "unexpected"
    phase: ClassVar[str] = "proxy"
    cause: str = "UNKNOWN"
    default: ClassVar[str] = "unexpected error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.default)

    @property
    def message(self) -> str:
        """One line for the l5d-proxy-error header."""
        return str(self)


class ConnectFailed(ProxyError):
    """The endpoint refused, or the TLS handshake failed, or the connection broke before a response."""

    fault = Fault.server
    status = 502
    grpc_status = GRPC_UNAVAILABLE
    label = "i/o"
    phase = "connect"
    cause = "IO"
    default = "connect failed"


class ConnectionLost(ConnectFailed):
    """The connection to the endpoint ended while a request was on it."""

    phase = "response"
    cause = "IO"
    default = "connection closed before message completed"


class DowngradedReset(ConnectFailed):
    """An HTTP/2 reset of a stream that carries an HTTP/1 request."""

    phase = "response"
    cause = "RESET"
    default = "the stream was reset"


class BadResponse(ConnectFailed):
    """The endpoint sent what is not HTTP."""

    phase = "response"
    cause = "IO"
    default = "invalid response"


class ConnectTimeout(ProxyError):
    """No connection within the connect timeout."""

    fault = Fault.server
    status = 504
    grpc_status = GRPC_DEADLINE_EXCEEDED
    label = "i/o"
    phase = "connect"
    cause = "IO"
    default = "connect timed out"


class FailFastError(ProxyError):
    """No endpoint was ready for longer than the failfast timeout."""

    fault = Fault.server
    status = 504
    grpc_status = GRPC_DEADLINE_EXCEEDED
    label = "failfast"
    phase = "balancer"
    cause = "FAIL_FAST"
    default = "service in fail-fast"


class LoadShed(ProxyError):
    """No endpoint is available, or a queue is full."""

    fault = Fault.server
    status = 503
    grpc_status = GRPC_UNAVAILABLE
    label = "loadshed"
    phase = "balancer"
    cause = "LOAD_SHED"
    default = "service unavailable"


class ResponseTimeout(ProxyError):
    """A timeout of a policy's route ran out."""

    fault = Fault.server
    status = 504
    grpc_status = GRPC_DEADLINE_EXCEEDED
    close = False
    label = "response timeout"
    phase = "timeout"
    default = "response timeout"

    def __init__(self, message: str = "", cause: str = "RESPONSE_HEADERS_TIMEOUT") -> None:
        super().__init__(message)
        self.cause = cause


class ProfileTimeout(ResponseTimeout):
    """A ServiceProfile's timeout, which covers all attempts, ran out."""

    close = True
    label = "timeout"
    phase = "timeout"
    default = "request timed out"

    def __init__(self) -> None:
        super().__init__("", "REQUEST_TIMEOUT")


class IdentityRequired(ProxyError):
    """The endpoint's identity is not the one that l5d-require-id names."""

    status = 502
    grpc_status = GRPC_UNAVAILABLE
    label = "identity required"
    phase = "endpoint"
    default = "identity required"


class BackendMissing(ProxyError):
    """A route's backend does not exist."""

    phase = "backend"
    default = "invalid policy: backend not found"


class FilterNotImplemented(ProxyError):
    """A route has a filter that this version cannot carry out: to ignore it would be worse than to fail."""

    close = False
    phase = "filter"
    default = "invalid policy: filters are not implemented"


class RouteNotFound(ProxyError):
    """No route takes this request."""

    fault = Fault.client
    status = 404
    grpc_status = GRPC_NOT_FOUND
    close = False
    label = "route not found"
    phase = "route"
    default = "no route found for request"


class Unauthorized(ProxyError):
    """Policy does not let this client in."""

    fault = Fault.client
    status = 403
    grpc_status = GRPC_PERMISSION_DENIED
    close = False
    label = "unauthorized"
    phase = "authorization"
    default = "unauthorized request on route"


class RateLimited(ProxyError):
    """A rate limit of the policy is used up."""

    fault = Fault.client
    status = 429
    grpc_status = GRPC_RESOURCE_EXHAUSTED
    close = False
    label = "rate limited"
    phase = "rate limit"
    default = "rate limit exceeded"


class BadRequest(ProxyError):
    """What the client sent is not a request that can be carried."""

    fault = Fault.client
    status = 400
    close = True
    label = "bad request"
    phase = "request"
    default = "invalid request"


class StreamReset(ProxyError):
    """An HTTP/2 peer reset the stream: `code` goes on to a native HTTP/2 client as it is. Label: h2(REASON)."""

    fault = Fault.server
    status = 502
    grpc_status = GRPC_UNAVAILABLE
    label = "h2"
    phase = "response"
    cause = "RESET"
    default = "stream reset"

    def __init__(self, code: int) -> None:
        super().__init__(f"stream reset ({code_name(code)})")
        self.code = code
        # Peers choose the code: what the RFC does not know shares one label.
        self.label = f"h2({code_name(code) if code < len(NAMES) else 'UNKNOWN'})"
        self.cause = _RESET_CAUSES.get(code, "RESET")


class DetectTimeout(ProxyError):
    """The client did not say enough in time to know what it speaks."""

    fault = Fault.client
    label = "tls detection timeout"
    phase = "detect"
    default = "tls detection timeout"


class DiscoveryFailed(ProxyError):
    """The control plane had no answer for a destination, and none is cached."""

    status = 504
    grpc_status = GRPC_DEADLINE_EXCEEDED
    label = "failfast"
    phase = "discover"
    cause = "FAIL_FAST"
    default = "discovery failed"

"""Errors as responses: the one place where a cause becomes an HTTP or gRPC status and an l5d-proxy-error header.

The table is Linkerd's and stands with each class in errors.py. gRPC requests get HTTP 200 and a trailers-only response.
The message is told only to whom it concerns (`emit`): the outbound side's application, or a meshed peer.
"""

from linkerd_contract.names import L5D_PROXY_CONNECTION, L5D_PROXY_ERROR
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ProxyError

_CONTROL = dict.fromkeys(range(32), " ") | {127: " "}


def head(error: ProxyError, line: str, *, grpc: bool, emit: bool) -> Headers:
    """The head of the response to a request that failed; it has no body. `line`: what is told with `emit`."""
    fields = answer(200 if grpc else error.status, error.grpc_status if grpc else None, line, emit=emit)
    if emit and error.close:
        fields.append((L5D_PROXY_CONNECTION, b"close"))
    return fields


def answer(status: int, grpc_status: int | None, message: str, *, emit: bool) -> Headers:
    """The head of a response that this proxy gives; `grpc_status` makes it a trailers-only response of gRPC."""
    line = _line(message)
    fields: Headers = [(b":status", b"%d" % status)]
    if grpc_status is None:
        fields.append((b"content-length", b"0"))
    else:
        fields += [(b"content-type", b"application/grpc"), (b"grpc-status", b"%d" % grpc_status)]
        if emit:
            fields.append((b"grpc-message", _percent(line)))
    if emit and line:
        fields.append((L5D_PROXY_ERROR, line))
    return fields


def trailers(error: ProxyError, *, emit: bool) -> Headers:
    """The end of a gRPC response that broke off."""
    fields: Headers = [(b"grpc-status", b"%d" % error.grpc_status)]
    if emit:
        fields.append((b"grpc-message", _percent(_line(error.message))))
    return fields


def _line(message: str) -> bytes:
    """A header value: one line of ASCII."""
    return message.translate(_CONTROL).strip().encode("ascii", "replace")


def _percent(message: bytes) -> bytes:
    """grpc-message's percent-encoding (gRPC over HTTP/2, Responses)."""
    return message.replace(b"%", b"%25")

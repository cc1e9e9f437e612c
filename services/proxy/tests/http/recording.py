"""Stand-ins for the two sides of an exchange: they write down what they are told."""

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import Exchange, Way
from linkerd_proxy.http.request import RequestHead
from linkerd_runtime.settings import Addr

GET: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"a")]


class Down:
    def __init__(self, *, emit_errors: bool = True) -> None:
        self.emit_errors = emit_errors
        self.log: list[tuple[object, ...]] = []

    def inform(self, x: Exchange, head: Headers) -> None:
        self.log.append(("inform", head))

    def respond(self, x: Exchange, head: Headers, end: bool) -> None:
        self.log.append(("respond", head, end))

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        self.log.append(("send", data, end))

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        self.log.append(("trailers", trailers))

    def abort(self, x: Exchange, error: ProxyError) -> None:
        self.log.append(("abort", type(error)))

    def consumed(self, x: Exchange, count: int) -> None:
        self.log.append(("consumed", count))

    def close_after(self, x: Exchange) -> None:
        self.log.append(("close_after",))

    def source(self, x: Exchange) -> Addr | None:
        return Addr("10.0.0.9", 40000)

    def failure(self, x: Exchange, error: ProxyError) -> str:
        return error.message


class Up:
    def __init__(self) -> None:
        self.log: list[tuple[object, ...]] = []

    def send(self, x: Exchange, data: bytes, end: bool) -> None:
        self.log.append(("send", data, end))

    def trailers(self, x: Exchange, trailers: Headers) -> None:
        self.log.append(("trailers", trailers))

    def cancel(self, x: Exchange) -> None:
        self.log.append(("cancel",))

    def consumed(self, x: Exchange, count: int) -> None:
        self.log.append(("consumed", count))


class Observer:
    def __init__(self) -> None:
        self.log: list[tuple[object, ...]] = []

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        self.log.append(("head", x.status))
        return head

    def first_data(self, x: Exchange) -> None:
        self.log.append(("first data",))

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        self.log.append(("end", x.status, x.grpc_status))

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        self.log.append(("failed", None if error is None else type(error)))

    def explain(self, x: Exchange) -> Way:
        return Way("10.0.0.1:80")


def exchange(fields: Headers = GET, *, down: Down | None = None, version: int = 2) -> Exchange:
    """An exchange at its beginning."""
    return Exchange(down or Down(), None, RequestHead(fields, version), 0.0)

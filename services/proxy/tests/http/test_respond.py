from linkerd_proxy.errors import ConnectFailed, RouteNotFound
from linkerd_proxy.http import respond


def test_http_without_telling() -> None:
    assert respond.head(ConnectFailed(), "secret", grpc=False, emit=False) == [
        (b":status", b"502"),
        (b"content-length", b"0"),
    ]


def test_http_with_telling() -> None:
    head = respond.head(ConnectFailed(), "why", grpc=False, emit=True)
    assert (b"l5d-proxy-error", b"why") in head
    assert (b"l5d-proxy-connection", b"close") in head
    assert (b"l5d-proxy-connection", b"close") not in respond.head(RouteNotFound(), "none", grpc=False, emit=True)


def test_messages_are_one_line_of_ascii() -> None:
    head = dict(respond.head(ConnectFailed(), "two\r\nlines: é", grpc=False, emit=True))
    assert head[b"l5d-proxy-error"] == b"two  lines: ?"


def test_grpc() -> None:
    head = dict(respond.head(RouteNotFound(), "100%", grpc=True, emit=True))
    assert head[b":status"] == b"200"
    assert head[b"grpc-status"] == b"5"
    assert head[b"grpc-message"] == b"100%25"
    assert b"grpc-message" not in dict(respond.head(RouteNotFound(), "none", grpc=True, emit=False))


def test_the_end_of_a_broken_grpc_response() -> None:
    status = (b"grpc-status", b"14")
    assert respond.trailers(ConnectFailed("x"), emit=True) == [status, (b"grpc-message", b"x")]
    assert respond.trailers(ConnectFailed("secret"), emit=False) == [status]

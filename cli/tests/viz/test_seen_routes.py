"""Routes from requests."""

import msgspec
from cli.tests.viz.taps import exchange

from linkerd_cli.viz.seen_routes import SeenRoutes
from linkerd_contract.tap import TapDirection, TapEvent, TapRequestInit


def request(path: str, method: str = "GET", direction: TapDirection = TapDirection.inbound) -> TapEvent:
    init = TapRequestInit(method, "http", "web-svc:80", path)
    return msgspec.structs.replace(exchange()[0], direction=direction, request_init=init)


def test_method_and_path_make_a_route() -> None:
    seen = SeenRoutes(20)
    for event in (
        request("/books?page=2"),
        request("/books"),
        request("/books", "POST"),
        request("/a.b/c"),
        request("/"),
        request("*", "OPTIONS"),
        request("/elsewhere", direction=TapDirection.outbound),
        *exchange()[1:],
    ):
        seen.add(event)
    assert seen.routes() == [
        {"name": "GET /a.b/c", "condition": {"method": "GET", "pathRegex": r"/a\.b/c"}},
        {"name": "GET /books", "condition": {"method": "GET", "pathRegex": "/books"}},
        {"name": "POST /books", "condition": {"method": "POST", "pathRegex": "/books"}},
    ]
    assert not seen.full


def test_bounded() -> None:
    seen = SeenRoutes(2)
    for number in range(5):
        seen.add(request(f"/{number}"))
    assert seen.full
    assert [route["name"] for route in seen.routes()] == ["GET /0", "GET /1"]

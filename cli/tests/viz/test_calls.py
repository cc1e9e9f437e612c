"""Calls counted."""

import pytest

from linkerd_cli.viz.calls import MAX_OPEN, MAX_ROWS, Calls
from linkerd_contract.tap import TapDirection, TapEvent, TapPeer, TapRequestInit, TapResponseEnd, TapResponseInit

WEB = TapPeer("10.0.0.1", 1, {"pod": "web-1"})
VOTING = TapPeer("10.0.0.2", 2, {"pod": "voting-1"})


def call(
    calls: Calls,
    stream: int,
    micros: int = 1000,
    *,
    status: int = 200,
    grpc: int | None = None,
    reset: int | None = None,
    direction: TapDirection = TapDirection.inbound,
    path: str = "/x",
    source: TapPeer = WEB,
    route: dict[str, str] | None = None,
) -> None:
    def event(
        init: TapRequestInit | None = None, head: TapResponseInit | None = None, end: TapResponseEnd | None = None
    ) -> None:
        labels = {"route": "r"} if route is None else route
        calls.add(
            TapEvent(
                direction, source, VOTING, 1, stream, labels, request_init=init, response_init=head, response_end=end
            )
        )

    event(init=TapRequestInit("GET", "http", "a", path))
    if status:
        event(head=TapResponseInit(micros, status))
    event(end=TapResponseEnd(micros, 0, 0, grpc, reset))


def test_table() -> None:
    calls = Calls()
    call(calls, 1, 900)
    call(calls, 2, 2_500_000, status=503)
    call(calls, 3, 4000)
    call(calls, 4, path="/y?secret=1", source=TapPeer("10.0.0.9", 5))
    assert calls.text() == (
        "Source     Destination   Method   Path   Count    Best   Worst   Last   Success Rate\n"
        "web-1      voting-1      GET      /x         3   900µs    2.5s    4ms         66.67%\n"
        "10.0.0.9   voting-1      GET      /y         1     1ms     1ms    1ms        100.00%\n"
    )


def test_what_fails() -> None:
    for failure in ({"grpc": 13}, {"reset": 8}, {"status": 0}, {"status": 500}):
        calls = Calls()
        call(calls, 1, **failure)  # type: ignore[arg-type]
        assert calls.rows()[0][1].good == 0, failure
    calls = Calls()
    call(calls, 1, grpc=0)
    assert calls.rows()[0][1].good == 1


def test_a_call_that_both_proxies_see_is_one() -> None:
    calls = Calls()
    for direction in (TapDirection.inbound, TapDirection.outbound):
        call(calls, 1, direction=direction)
    assert [row.count for _, row in calls.rows()] == [1]


def test_without_sources_and_by_route() -> None:
    calls = Calls(sources=False, routes=True)
    call(calls, 1)
    call(calls, 2, path="/y", source=VOTING)
    assert calls.text() == (
        "Destination   Route   Count   Best   Worst   Last   Success Rate\n"
        "voting-1      r           2    1ms     1ms    1ms        100.00%\n"
    )


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        ({"route": "GET /x", "kind": "default", "name": "http"}, "GET /x"),
        ({"kind": "HTTPRoute", "name": "reads", "group": "policy.linkerd.io"}, "reads"),
        ({"kind": "default", "name": "http"}, "[DEFAULT]"),
        ({"name": "default"}, "[DEFAULT]"),
        ({}, "[DEFAULT]"),
    ],
)
def test_routes_by_the_names_that_somebody_gave_them(labels: dict[str, str], shown: str) -> None:
    calls = Calls(routes=True)
    call(calls, 1, route=labels)
    assert [found.path for found, _ in calls.rows()] == [shown]


def test_bounded() -> None:
    calls = Calls()
    for number in range(MAX_ROWS + 10):
        call(calls, number, path=f"/{number}")
    assert len(calls.rows()) == MAX_ROWS
    init = TapRequestInit("GET", "http", "a", "/")
    for number in range(MAX_OPEN + 10):
        calls.add(TapEvent(TapDirection.inbound, WEB, VOTING, 2, number, request_init=init))
    assert len(calls._open) == MAX_OPEN


def test_ends_without_a_beginning_count_nothing() -> None:
    calls = Calls()
    calls.add(TapEvent(TapDirection.inbound, WEB, VOTING, 1, 1, response_end=TapResponseEnd(1, 1, 1)))
    assert calls.rows() == []

"""One tap's limits: requests, rate, waiting events; what its events say."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from services.proxy.tests.http.recording import GET, Down, exchange

from linkerd_contract.tap import TapDirection, TapEvent, TapHeader, TapMatch, TapRequest
from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ConnectFailed, StreamReset, Unauthorized
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.tap.match import BadMatch
from linkerd_proxy.tap.session import MAX_EVENTS, MAX_OTHERS, REDACTED, TapSession
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime.settings import Addr

OK: Headers = [(b":status", b"200"), (b"server", b"x")]
TO = Addr("10.42.0.7", 8080)
INBOUND = Facts(
    TO,
    source=ClientAddr(Addr("10.42.0.5", 4000)),
    source_labels={"tls": "true"},
    destination_labels={},
    route_labels={"name": "r"},
)
OUTBOUND = Facts(TO, source_labels={}, destination_labels={"tls": "true"}, route_labels={})


class SetTurn(Turn):
    """Its time is what the test sets."""

    def read(self) -> float:
        return self.now


@pytest.fixture(name="turn")
def fixture_turn() -> Iterator[Turn]:
    loop = asyncio.new_event_loop()
    turn = SetTurn(loop)
    turn.now = 0.0
    yield turn
    loop.close()


def session(turn: Turn, **more: object) -> TapSession:
    request = {"limit": 1000, "match": TapMatch(), "max_rps": 1e6} | more
    return TapSession(TapRequest(**request), turn, 7)  # type: ignore[arg-type]


def events(tap: TapSession) -> list[TapEvent]:
    return asyncio.run(tap.wait(0.0))


def answer(x: Exchange) -> None:
    x.down.respond(x, x.observer.response_head(x, OK), False)
    x.observer.response_end(x, None)
    x.down.send(x, b"hello", True)


def test_a_request_is_three_events(turn: Turn) -> None:
    tap, down = session(turn), Down()
    x = exchange(down=down)
    tap.hook(x, INBOUND)
    turn.now = 0.002
    answer(x)
    init, head, end = events(tap)
    assert (init.direction, init.source.ip, init.source.metadata) == (
        TapDirection.inbound,
        "10.42.0.5",
        {"tls": "true"},
    )
    assert (init.base, init.stream, init.route_labels) == (7, 1, {"name": "r"})
    assert init.request_init is not None
    assert (init.request_init.method, init.request_init.path, init.request_init.headers) == ("GET", "/", [])
    assert head.response_init is not None
    assert (head.response_init.http_status, head.response_init.since_request_init_us) == (200, 2000)
    assert end.response_end is not None
    assert (end.response_end.response_bytes, end.response_end.reset_code) == (5, None)
    assert down.log == [("respond", OK, False), ("send", b"hello", True)]


def test_outbound_sources_are_the_connections_other_end(turn: Turn) -> None:
    tap = session(turn)
    tap.hook(exchange(), OUTBOUND)
    (init,) = events(tap)
    assert (init.direction, init.source.port, init.destination.metadata) == (
        TapDirection.outbound,
        40000,
        {"tls": "true"},
    )


def test_headers_only_as_asked_and_credentials_never(turn: Turn) -> None:
    fields: Headers = [*GET, (b"x-a", b"1"), (b"authorization", b"secret"), (b"cookie", b"secret")]
    for asked, expected in (
        ({}, []),
        ({"headers": True}, [("x-a", REDACTED), ("authorization", REDACTED), ("cookie", REDACTED)]),
        ({"headers": True, "header_values": True}, [("x-a", "1"), ("authorization", REDACTED), ("cookie", REDACTED)]),
    ):
        tap = session(turn, **asked)
        tap.hook(exchange(fields), OUTBOUND)
        (init,) = events(tap)
        assert init.request_init is not None
        assert init.request_init.headers == [TapHeader(*pair) for pair in expected]


def test_grpc_status_in_trailers(turn: Turn) -> None:
    tap = session(turn)
    x = exchange()
    tap.hook(x, INBOUND)
    x.down.trailers(x, [(b"grpc-status", b"14")])
    end = events(tap)[-1].response_end
    assert end is not None
    assert end.grpc_status == 14


def test_early_ends(turn: Turn) -> None:
    def gone(x: Exchange) -> None:
        x.gone()

    def broken(x: Exchange) -> None:
        x.fail(ConnectFailed())

    def reset(x: Exchange) -> None:
        x.fail(StreamReset(11))

    for facts, way, codes in (
        (OUTBOUND, gone, [None, 8]),
        (OUTBOUND, broken, [None, 2]),
        (OUTBOUND, reset, [None, 11]),
        (INBOUND, gone, [None, 8]),
        (INBOUND, reset, [None, 11]),
    ):
        tap = session(turn, limit=1)
        x = exchange()
        tap.hook(x, facts)
        way(x)
        assert [None if e.response_end is None else e.response_end.reset_code for e in events(tap)] == codes
        assert tap.done


def test_what_inbound_policy_answers_is_a_response(turn: Turn) -> None:
    tap = session(turn, limit=1)
    x = exchange()
    tap.hook(x, INBOUND)
    x.fail(Unauthorized())
    _, head, end = events(tap)
    assert head.response_init is not None
    assert head.response_init.http_status == 403
    assert end.response_end is not None
    assert end.response_end.reset_code is None


def test_limit_and_end(turn: Turn) -> None:
    tap = session(turn, limit=2)
    requests = [exchange() for _ in range(3)]
    for x in requests:
        tap.hook(x, INBOUND)
    for x in requests:
        assert not tap.done
        answer(x)
    assert {e.stream for e in events(tap)} == {1, 2}
    assert tap.done


def test_rate(turn: Turn) -> None:
    tap = session(turn, max_rps=2.0)
    for now, expected in ((0.0, 2), (0.4, 0), (0.5, 1), (10.0, 2)):
        turn.now = now
        for _ in range(5):
            tap.hook(exchange(), INBOUND)
        assert len(events(tap)) == expected


def test_what_nobody_reads_is_dropped_and_counted(turn: Turn) -> None:
    tap = session(turn)
    for _ in range(MAX_EVENTS + 5):
        tap.hook(exchange(), INBOUND)
    assert len(events(tap)) == MAX_EVENTS
    tap.hook(exchange(), INBOUND)
    assert [e.dropped for e in events(tap)] == [5]


@pytest.mark.parametrize("more", [{"limit": 0}, {"max_rps": 0.0}, {"max_rps": float("nan")}])
def test_refused(turn: Turn, more: dict[str, object]) -> None:
    with pytest.raises(BadMatch):
        session(turn, **more)


def test_what_does_not_match_is_left_alone(turn: Turn) -> None:
    tap = session(turn, match=TapMatch(method="POST"))
    x = exchange()
    observer, down = x.observer, x.down
    tap.hook(x, INBOUND)
    assert (x.observer, x.down) == (observer, down)


def seen_elsewhere(turn: Turn, count: int, *, ended: bool = True) -> list[TapEvent]:
    """The events of so many requests at another worker."""
    there = session(turn)
    for _ in range(count):
        x = exchange()
        there.hook(x, INBOUND)
        if ended:
            answer(x)
    return events(there)


def test_limit_and_numbers_are_for_all_workers_together(turn: Turn) -> None:
    tap = session(turn, limit=3)
    mine = exchange()
    tap.hook(mine, INBOUND)
    for worker in (2, 3):
        for event in seen_elsewhere(turn, 2):
            tap.take(worker, event)
    found = events(tap)
    assert [e.stream for e in found] == [1, 2, 2, 2, 3, 3, 3]
    assert {e.base for e in found} == {7}
    assert not tap.done
    answer(mine)
    assert [e.stream for e in events(tap)] == [1, 1]
    assert tap.done


def test_the_rate_is_for_all_workers_together(turn: Turn) -> None:
    tap = session(turn, max_rps=2.0)
    tap.hook(exchange(), INBOUND)
    for event in seen_elsewhere(turn, 50):
        tap.take(2, event)
    assert {e.stream for e in events(tap)} == {1, 2}


def test_requests_of_a_worker_that_ends_end(turn: Turn) -> None:
    tap = session(turn, limit=2)
    for worker in (2, 3):
        for event in seen_elsewhere(turn, 1, ended=False):
            tap.take(worker, msgspec.structs.replace(event, dropped=4))
    assert [e.dropped for e in events(tap)] == [4, 8]
    tap.gone(2)
    assert not tap.done
    tap.gone(3)
    assert tap.done


def test_requests_of_other_workers_are_bounded(turn: Turn) -> None:
    tap = session(turn, limit=MAX_OTHERS + 5)
    event = seen_elsewhere(turn, 1, ended=False)[0]
    for stream in range(MAX_OTHERS + 5):
        tap.take(2, msgspec.structs.replace(event, stream=stream))
    events(tap)
    tap.take(3, event)
    assert events(tap) == []
    tap.gone(2)
    tap.take(3, event)
    assert [e.stream for e in events(tap)] == [MAX_OTHERS + 1]

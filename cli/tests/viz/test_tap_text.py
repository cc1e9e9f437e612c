"""A tap's events as text."""

import pytest

from linkerd_cli.viz.tap_text import document, line, wide_line
from linkerd_contract.tap import (
    TapDirection,
    TapEvent,
    TapHeader,
    TapPeer,
    TapRequestInit,
    TapResponseEnd,
    TapResponseInit,
)

SOURCE = TapPeer("10.42.0.9", 40000, {"deployment": "vote-bot", "pod": "vote-bot-1", "tls": "true"})
DESTINATION = TapPeer("10.42.0.12", 8080, {"deployment": "voting"})


def event(
    direction: TapDirection = TapDirection.inbound,
    *,
    init: TapRequestInit | None = None,
    head: TapResponseInit | None = None,
    end: TapResponseEnd | None = None,
    source: TapPeer = SOURCE,
) -> TapEvent:
    return TapEvent(
        direction, source, DESTINATION, 1, 0, {"route": "r"}, request_init=init, response_init=head, response_end=end
    )


REQUEST = event(init=TapRequestInit("POST", "http", "voting.emojivoto:8080", "/x", [TapHeader("a", "b")]))
HEAD = event(head=TapResponseInit(1900, 200))
END = event(end=TapResponseEnd(3_000_000, 2_000_100, 5, grpc_status=0))
START = "proxy=in src=10.42.0.9:40000 dst=10.42.0.12:8080 tls=true"
WIDE = START.replace("in ", "in  ")
NAMES = "src_deployment=vote-bot src_pod=vote-bot-1 dst_deployment=voting rt_route=r"


@pytest.mark.parametrize(
    ("seen", "default", "wide"),
    [
        (
            REQUEST,
            f"req id=1:0 {START} :method=POST :path=/x :authority=voting.emojivoto:8080 "
            "src_deployment=vote-bot dst_deployment=voting",
            f"req id=1:0 {WIDE} :method=POST :authority=voting.emojivoto:8080 :path=/x {NAMES}",
        ),
        (
            HEAD,
            f"rsp id=1:0 {START} :status=200 latency=1.9ms",
            f"rsp id=1:0 {WIDE} :status=200 latency=1900µs {NAMES}",
        ),
        (
            END,
            f"end id=1:0 {START} grpc-status=OK duration=2000.1ms response-length=5B",
            f"end id=1:0 {WIDE} grpc-status=OK duration=2000100µs response-length=5B {NAMES}",
        ),
        (
            event(end=TapResponseEnd(1, 0, 0, reset_code=8)),
            f"end id=1:0 {START} reset-error=8 duration=0.0ms response-length=0B",
            f"end id=1:0 {WIDE} reset-error=8 duration=0µs response-length=0B {NAMES}",
        ),
        (
            event(end=TapResponseEnd(1, 0, 0, grpc_status=99)),
            f"end id=1:0 {START} grpc-status=99 duration=0.0ms response-length=0B",
            f"end id=1:0 {WIDE} grpc-status=99 duration=0µs response-length=0B {NAMES}",
        ),
        (event(), f"unknown id=1:0 {START}", f"unknown id=1:0 {WIDE} {NAMES}"),
    ],
)
def test_lines(seen: TapEvent, default: str, wide: str) -> None:
    assert (line(seen), wide_line(seen)) == (default, wide)


def test_outbound_says_of_the_endpoint_whether_it_is_tls() -> None:
    assert "proxy=out src=[::1]:1 dst=10.42.0.12:8080 tls= " in line(
        event(TapDirection.outbound, init=REQUEST.request_init, source=TapPeer("::1", 1))
    )


def test_documents() -> None:
    found = document(REQUEST)
    assert found["proxyDirection"] == "INBOUND"
    assert found["source"] == {"ip": "10.42.0.9", "port": 40000, "metadata": SOURCE.metadata}
    assert found["requestInitEvent"] == {
        "id": {"base": 1, "stream": 0},
        "method": "POST",
        "scheme": "http",
        "authority": "voting.emojivoto:8080",
        "path": "/x",
        "headers": [{"name": "a", "valueStr": "b"}],
    }
    assert document(HEAD)["responseInitEvent"] == {
        "id": {"base": 1, "stream": 0},
        "sinceRequestInit": {"nanos": 1_900_000},
        "httpStatus": 200,
        "headers": [],
    }
    assert document(END)["responseEndEvent"] == {
        "id": {"base": 1, "stream": 0},
        "sinceRequestInit": {"seconds": 3},
        "sinceResponseInit": {"seconds": 2, "nanos": 100_000},
        "responseBytes": 5,
        "trailers": [],
        "grpcStatusCode": 0,
    }

"""Floods are cut, honest peers are not."""

import pytest
from services.proxy.tests.codec.h2.wire import RESPONSE, Peer, make_pair, written

from linkerd_proxy.codec.h2 import errors, frames, limits
from linkerd_proxy.codec.h2.frames import END_HEADERS, END_STREAM, frame

GET = b"\x82\x86\x84\x01\x01a"
CALM = ("failed", errors.ENHANCE_YOUR_CALM)


def flood(peer: Peer, *one: bytes, times: int = 5_000) -> int:
    """How many times it took until the connection failed."""
    for count in range(1, times + 1):
        if CALM in peer.send(*one):
            return count
        written(peer.connection)
    return times


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(frames.ping(b"12345678"), id="PING"),
        pytest.param(frames.ping(b"12345678", frames.ACK), id="PING answers"),
        pytest.param(frames.settings({}), id="SETTINGS (CVE-2019-9515)"),
        pytest.param(frames.SETTINGS_ACK, id="SETTINGS acknowledgements"),
        pytest.param(frames.window_update(0, 1), id="WINDOW_UPDATE"),
        pytest.param(frame(frames.PRIORITY, 0, 1, b"12345"), id="PRIORITY (CVE-2019-9513)"),
        pytest.param(frame(0x77, 0, 0, b""), id="unknown frames"),
        pytest.param(frame(frames.DATA, 0, 1, b""), id="empty DATA (CVE-2019-9518)"),
        pytest.param(frames.goaway(0, 0), id="GOAWAY"),
    ],
)
def test_floods_of_chatter(one: bytes) -> None:
    peer = Peer()
    peer.send(frame(frames.HEADERS, END_HEADERS, 1, GET))
    assert flood(peer, one) in range(limits.CHATTER_BURST - 2, limits.CHATTER_BURST + 2)


def test_rapid_reset() -> None:
    """CVE-2023-44487."""
    peer = Peer()
    for number in range(limits.WASTED_BURST + 1):
        stream = 2 * number + 1
        heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, stream, GET), frames.rst_stream(stream, 8))
        written(peer.connection)
    assert heard[-1] == CALM


def test_resets_by_broken_rules() -> None:
    """CVE-2025-8671."""
    peer = Peer()
    for number in range(limits.WASTED_BURST + 1):
        stream = 2 * number + 1
        heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, stream, GET), frames.window_update(stream, 0))
        written(peer.connection)
    assert heard[-1] == CALM


def test_cancelled_requests_that_were_old_or_answered_are_not_counted() -> None:
    pair = make_pair()
    for number in range(2 * limits.WASTED_BURST + 10):
        ours, theirs = pair.request()
        if number % 2:
            pair.server.send_headers(theirs, RESPONSE)
        else:
            for _ in range(limits.YOUNG_READS):
                pair.server.receive(b"")
        pair.client.reset(ours)
        pair.run()
    assert pair.server.failed is None


def test_hedged_requests_are_honest_traffic() -> None:
    pair = make_pair()
    for _ in range(2 * limits.WASTED_BURST):
        hedged, _ = pair.request()
        for _ in range(2):
            _, theirs = pair.request()
            pair.server.send_headers(theirs, RESPONSE, end=True)
        pair.client.reset(hedged)
        pair.run()
    assert pair.server.failed is None


def test_time_forgives() -> None:
    peer = Peer()
    for second in range(1, 100):
        peer.connection.tick(float(second))
        for _ in range(limits.CHATTER_PER_SECOND):
            peer.send(frames.ping(b"12345678"))
    assert peer.connection.failed is None


def test_window_updates_are_earned_by_data() -> None:
    pair = make_pair()
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    for _ in range(3 * limits.CHATTER_BURST):
        pair.server.send_data(theirs, b"x" * 10)
        pair.run()
        pair.client._write(frames.window_update(0, 10) + frames.window_update(theirs.id, 10))
        pair.run()
    assert pair.server.failed is None


def test_continuation_flood() -> None:
    """CVE-2024-27316: by their number and by their sum."""
    peer = Peer()
    peer.send(frame(frames.HEADERS, 0, 1, GET))
    assert flood(peer, frame(frames.CONTINUATION, 0, 1, b"")) == limits.MAX_CONTINUATIONS + 1
    peer = Peer()
    peer.send(frame(frames.HEADERS, 0, 1, GET))
    assert flood(peer, frame(frames.CONTINUATION, 0, 1, b"\x82" * 16_384)) == 4


def test_a_block_that_swells_is_refused() -> None:
    """An HPACK bomb: one entry of almost the table's size, referred to in one byte each."""
    peer = Peer()
    entry = b"\x40\x01a\x7f\xa0\x1e" + b"x" * 3_999
    heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, 1, GET + entry))
    assert heard[0][0] == "headers"
    written(peer.connection)
    heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, 3, GET + b"\xbe" * 16_000))
    assert heard == []
    (answer,) = peer.answered()
    assert answer[:3] == (frames.HEADERS, END_HEADERS | END_STREAM, 3)
    heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, 5, GET + b"\xbe" * 17))
    assert heard == []
    heard = peer.send(frame(frames.HEADERS, END_HEADERS | END_STREAM, 7, GET + b"\xbe" * 15))
    assert heard[0][0] == "headers"


def test_the_tally_of_waste() -> None:
    tally = limits.Limits()
    assert not any(tally.waste_is_too_much(number) for number in range(limits.WASTED_BURST))
    assert tally.waste_is_too_much(limits.WASTED_BURST + 1)
    tally.tick(10.0)
    tally.tick(20.0)
    assert not tally.waste_is_too_much(limits.WASTED_BURST + 2)

"""Flow control both ways (RFC 9113 section 5.2): nothing above a window, nothing lost, nothing reordered."""

from hypothesis import given, settings
from hypothesis import strategies as st
from services.proxy.tests.codec.h2.wire import POST, RESPONSE, Peer, connect, make_pair, parse_frames, written

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.sending import BULK
from linkerd_proxy.codec.h2.settings import H2Settings


def body_of(events: list[tuple[object, ...]], stream: int) -> bytes:
    return b"".join([event[2] for event in events if event[:2] == ("data", stream) and isinstance(event[2], bytes)])


def test_data_waits_for_the_window_and_trailers_for_the_data() -> None:
    pair = make_pair()
    pair.at_client.consumes = False
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"x" * 100_000)
    pair.server.send_headers(theirs, [(b"grpc-status", b"0")], end=True)
    pair.run()
    heard = pair.at_client.take()
    assert len(body_of(heard, 1)) == 65_535
    assert theirs.queued == 100_000 - 65_535
    pair.client.consumed(pair.at_client.streams[1], 65_535)
    pair.run()
    heard = pair.at_client.take()
    assert len(body_of(heard, 1)) == 100_000 - 65_535
    assert heard[-1] == ("trailers", 1, [(b"grpc-status", b"0")])
    assert ("drained", 1) in pair.at_server.take()
    assert theirs.queued == 0
    assert pair.server.active == 0


def test_windows_come_back_in_batches() -> None:
    pair = make_pair()
    pair.at_client.consumes = False
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"x" * 65_535)
    pair.run()
    stream = pair.at_client.streams[1]
    pair.client.consumed(stream, 32_766)
    assert not pair.client.out
    pair.client.consumed(stream, 1)
    assert parse_frames(written(pair.client)) == [(frames.WINDOW_UPDATE, 0, 1, (32_767).to_bytes(4, "big"))]


def test_much_data_is_written_at_once() -> None:
    pair = make_pair(H2Settings(stream_window=1_000_000, connection_window=1_000_000))
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"x" * 400_000)
    assert pair.at_server.bulks == [BULK] * 3
    assert pair.server.bulk == 400_000 - 3 * BULK


def test_more_than_was_received_cannot_be_consumed() -> None:
    peer = Peer()
    peer.send(head(1, b""), frames.frame(frames.DATA, 0, 1, b"x" * 10))
    peer.connection.consumed(peer.recorder.streams[1], 1_000_000)
    assert peer.connection.unacked == 10
    assert peer.answered() == []


def head(stream: int, extra: bytes, flags: int = frames.END_HEADERS) -> bytes:
    return frames.frame(frames.HEADERS, flags, stream, b"\x83\x86\x84\x01\x01a" + extra)


def test_the_connection_s_window_is_shared_in_turn() -> None:
    pair = make_pair(client_settings=H2Settings(stream_window=1_000_000, connection_window=65_535))
    pair.at_client.consumes = False
    streams = [pair.request()[1] for _ in range(3)]
    for theirs in streams:
        pair.server.send_headers(theirs, RESPONSE)
        pair.server.send_data(theirs, b"x" * 60_000, end=True)
    pair.run()
    total = 0
    for _ in range(20):
        heard = pair.at_client.take()
        for event in heard:
            if event[0] == "data":
                total += len(event[2])
                pair.client.consumed(pair.at_client.streams[event[1]], len(event[2]))
        pair.run()
    assert total == 180_000
    assert pair.client.active == 0
    assert [event for event in pair.at_server.take() if event[0] == "drained"] == [("drained", 3), ("drained", 5)]


def test_a_smaller_initial_window_makes_a_window_negative() -> None:
    peer = Peer()
    peer.send(head(1, b"", frames.END_HEADERS | frames.END_STREAM))
    stream = peer.recorder.streams[1]
    peer.connection.send_headers(stream, RESPONSE)
    peer.connection.send_data(stream, b"x" * 65_535)
    peer.answered()
    peer.send(frames.settings({4: 10}))
    assert stream.send_window == 10 - 65_535
    peer.connection.send_data(stream, b"y" * 5, end=True)
    assert stream.queued == 5
    peer.send(frames.window_update(0, 100_000))
    peer.send(frames.window_update(1, 65_535))
    assert (frames.DATA, frames.END_STREAM, 1, b"y" * 5) in peer.answered()


def test_the_end_needs_no_window() -> None:
    peer = Peer()
    peer.send(frames.settings({4: 0}), head(1, b"", frames.END_HEADERS | frames.END_STREAM))
    stream = peer.recorder.streams[1]
    peer.connection.send_headers(stream, RESPONSE)
    peer.connection.send_data(stream, b"", end=True)
    assert peer.answered()[-1] == (frames.DATA, frames.END_STREAM, 1, b"")
    peer.send(head(3, b"", frames.END_HEADERS | frames.END_STREAM))
    stream = peer.recorder.streams[3]
    peer.connection.send_headers(stream, RESPONSE)
    peer.connection.send_data(stream, b"")
    peer.connection.send_data(stream, b"abc")
    peer.connection.send_data(stream, b"", end=True)
    peer.send(frames.window_update(3, 3))
    assert peer.answered()[-1] == (frames.DATA, frames.END_STREAM, 3, b"abc")


def test_frames_are_split_to_the_peer_s_limit() -> None:
    pair = make_pair(client_settings=H2Settings(max_frame_size=20_000))
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"x" * 45_000, end=True)
    sizes = [len(payload) for kind, _, _, payload in parse_frames(written(pair.server)) if kind == frames.DATA]
    assert sizes == [20_000, 20_000, 5_000]


def test_a_small_window_of_ours_binds_after_its_acknowledgement() -> None:
    pair = make_pair(client_settings=H2Settings(stream_window=100))
    pair.at_client.consumes = False
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"x" * 300, end=True)
    pair.run()
    heard = pair.at_client.take()
    assert len(body_of(heard, 1)) == 100
    pair.at_client.consumes = True
    pair.client.consumed(pair.at_client.streams[1], 100)
    pair.run()
    assert len(body_of(pair.at_client.take(), 1)) == 200
    assert pair.client.failed is None


def test_windows_of_dead_streams_come_back() -> None:
    """Otherwise resets would starve the connection in the end."""
    pair = make_pair(server_settings=H2Settings(connection_window=65_535))
    pair.at_server.consumes = False
    for round_trip in range(20):
        ours, theirs = pair.request(POST, end=False)
        pair.client.send_data(ours, b"x" * 50_000)
        pair.run()
        assert len(body_of(pair.at_server.take(), theirs.id)) == 50_000, round_trip
        if round_trip % 2:
            pair.server.reset(theirs)
        else:
            pair.client.reset(ours)
        pair.server.consumed(theirs, 50_000)
        pair.run()
    assert pair.server.failed is None
    assert pair.client.send_window + pair.server.unacked == 65_535


def test_padding_is_consumed_by_itself() -> None:
    peer = Peer(settings=H2Settings(connection_window=65_535))
    peer.send(head(1, b""))
    for _ in range(1_000):
        heard = peer.send(frames.frame(frames.DATA, frames.PADDED, 1, b"\xff" + b"a" + b"\0" * 255))
        assert heard == [("data", 1, b"a", False)]
    assert peer.connection.failed is None


def test_a_peer_that_ignores_windows_is_refused() -> None:
    peer = Peer(settings=H2Settings(connection_window=1_000_000))
    peer.recorder.consumes = False
    peer.send(head(1, b""))
    for _ in range(4):
        heard = peer.send(frames.frame(frames.DATA, 0, 1, b"x" * 16_384))
    assert heard == [("reset", 1, errors.FLOW_CONTROL_ERROR)]
    narrow = Peer(settings=H2Settings(connection_window=65_535))
    narrow.recorder.consumes = False
    narrow.send(head(1, b""), head(3, b""))
    for stream in (1, 1, 3, 3):
        heard = narrow.send(frames.frame(frames.DATA, 0, stream, b"x" * 16_384))
    assert heard == [("failed", errors.FLOW_CONTROL_ERROR)]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 70_000)), max_size=20),
    st.integers(2_000, 100_000),
    st.integers(65_535, 200_000),
)
def test_every_byte_arrives_in_order(sends: list[tuple[int, int]], stream_window: int, connection_window: int) -> None:
    pair = make_pair(client_settings=H2Settings(stream_window=stream_window, connection_window=connection_window))
    streams = [pair.request()[1] for _ in range(4)]
    expected = [b""] * 4
    for theirs in streams:
        pair.server.send_headers(theirs, RESPONSE)
    for which, size in sends:
        data = bytes((len(expected[which]) + size) % 251 for _ in range(1)) * size
        expected[which] += data
        pair.server.send_data(streams[which], data)
        if size % 3:
            pair.run()
    for theirs in streams:
        pair.server.send_headers(theirs, [(b"grpc-status", b"0")], end=True)
    pair.run()
    heard = pair.at_client.take()
    for theirs, body in zip(streams, expected, strict=True):
        assert body_of(heard, theirs.id) == body
        assert ("trailers", theirs.id, [(b"grpc-status", b"0")]) in heard
    assert pair.client.active == pair.server.active == 0
    assert pair.client.failed is None


def test_continuations_are_not_interleaved_with_queued_data() -> None:
    server, _ = connect(False)
    client, _ = connect(True)
    stream = client.open_stream(None)
    client.send_headers(stream, [*POST, *[(b"x-%d" % i, b"v" * 900) for i in range(30)]])
    client.send_data(stream, b"x", end=True)
    server.receive(written(client))
    assert server.failed is None


def test_what_nobody_will_pass_on_comes_back() -> None:
    """A stream that ended well may be let go before all of its bytes have gone on."""
    pair = make_pair(server_settings=H2Settings(connection_window=65_535))
    pair.at_server.consumes = False
    for _ in range(20):
        ours, theirs = pair.request(POST, end=False)
        pair.client.send_data(ours, b"x" * 50_000, end=True)
        pair.run()
        pair.server.consumed(theirs, 20_000)
        pair.server.send_headers(theirs, [(b":status", b"200")], end=True)
        pair.server.let_go(theirs)
        pair.server.consumed(theirs, 50_000)
        pair.run()
        pair.at_server.take()
    assert pair.server.failed is None
    assert pair.client.send_window + pair.server.unacked == 65_535

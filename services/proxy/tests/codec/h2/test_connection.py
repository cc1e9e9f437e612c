"""Messages over two connections without sockets: heads, bodies, trailers, resets, going away."""

import pytest
from services.proxy.tests.codec.h2.wire import POST, REQUEST, RESPONSE, Recorder, connect, joined, make_pair, written

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.connection import H2Connection
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.headers import Headers


def test_a_request_and_its_response() -> None:
    pair = make_pair()
    ours, theirs = pair.request(POST, end=False)
    pair.client.send_data(ours, b"question", end=True)
    pair.run()
    assert pair.at_server.take() == [("headers", 1, POST, False), ("data", 1, b"question", True)]
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"answer")
    pair.server.send_headers(theirs, [(b"grpc-status", b"0")], end=True)
    pair.run()
    assert pair.at_client.take() == [
        ("headers", 1, RESPONSE, False),
        ("data", 1, b"answer", False),
        ("trailers", 1, [(b"grpc-status", b"0")]),
    ]
    assert pair.client.active == pair.server.active == 0
    assert ours.closed
    assert theirs.closed


def test_a_response_that_is_only_a_head() -> None:
    pair = make_pair()
    _, theirs = pair.request()
    pair.server.send_headers(theirs, RESPONSE, end=True)
    pair.run()
    assert pair.at_client.take() == [("headers", 1, RESPONSE, True)]


def test_interim_responses() -> None:
    pair = make_pair()
    _, theirs = pair.request()
    pair.server.send_headers(theirs, [(b":status", b"103"), (b"link", b"</a>")])
    pair.server.send_headers(theirs, RESPONSE, end=True)
    pair.run()
    assert [event[2][0][1] for event in pair.at_client.take()] == [b"103", b"200"]


def test_the_handler_owns_its_list() -> None:
    pair = make_pair()
    for _ in range(5):
        pair.request()
        headers = pair.at_server.take()[0][2]
        assert headers == REQUEST
        headers.clear()


def test_bytes_one_at_a_time_are_the_same() -> None:
    client, _ = connect(True)
    for _ in range(3):
        stream = client.open_stream(None)
        client.send_headers(stream, POST)
        client.send_data(stream, b"x" * 300)
        client.send_headers(stream, [(b"x-sum", b"1")], end=True)
    data = written(client)
    whole, heard = connect(False)
    whole.receive(data)
    split, heard_split = connect(False)
    for i in range(len(data)):
        split.receive(data[i : i + 1])
    assert heard.events == joined(heard_split.events)
    assert written(whole) == written(split)
    assert len(heard.take()) == 10


def test_large_heads_go_in_continuations() -> None:
    pair = make_pair()
    headers: Headers = [*REQUEST, *[(b"x-%d" % i, b"v" * 1_000) for i in range(40)]]
    pair.request(headers)
    assert pair.at_server.take() == [("headers", 1, headers, True)]


def test_a_head_beyond_the_limit_is_answered_431() -> None:
    pair = make_pair()
    stream = pair.client.open_stream(None)
    pair.client.send_headers(stream, [*REQUEST, *[(b"x-%d" % i, b"v" * 600) for i in range(105)]], end=False)
    pair.run()
    assert pair.at_server.take() == []
    assert pair.at_client.take() == [
        ("headers", 1, [(b":status", b"431"), (b"content-length", b"0")], True),
        ("reset", 1, errors.NO_ERROR),
    ]
    pair.request()
    assert pair.at_server.take()[0][0] == "headers"


def test_cookie_crumbs_are_joined() -> None:
    pair = make_pair()
    pair.request([*REQUEST, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")])
    assert pair.at_server.take()[0][2] == [*REQUEST, (b"cookie", b"a=1; b=2"), (b"x", b"y")]


def test_reset_both_ways() -> None:
    pair = make_pair()
    ours, theirs = pair.request(end=False)
    pair.at_server.take()
    pair.server.reset(theirs, errors.INTERNAL_ERROR)
    pair.client.send_data(ours, b"late")
    pair.run()
    assert pair.at_client.take() == [("reset", 1, errors.INTERNAL_ERROR)]
    assert pair.at_server.take() == []
    ours, theirs = pair.request(end=False)
    pair.client.reset(ours)
    pair.run()
    assert pair.at_server.take()[-1] == ("reset", 3, errors.CANCEL)
    assert pair.client.active == pair.server.active == 0


def test_sending_on_a_dead_stream_does_nothing() -> None:
    pair = make_pair()
    ours, theirs = pair.request()
    pair.client.reset(ours)
    pair.run()
    pair.server.send_headers(theirs, RESPONSE)
    pair.server.send_data(theirs, b"late", end=True)
    pair.server.reset(theirs)
    assert not pair.server.out


def test_reset_of_a_stream_that_never_was_sent_says_nothing() -> None:
    pair = make_pair()
    pair.client.reset(pair.client.open_stream(None))
    assert not pair.client.out
    assert pair.client.active == 0
    pair.request()
    assert pair.at_server.take() == [("headers", 3, REQUEST, True)]


def test_a_response_to_head_promises_a_body_that_does_not_come() -> None:
    pair = make_pair()
    _, theirs = pair.request([(b":method", b"HEAD"), *REQUEST[1:]])
    pair.server.send_headers(theirs, [(b":status", b"200"), (b"content-length", b"10")], end=True)
    pair.run()
    assert pair.at_client.take()[0][0] == "headers"


@pytest.mark.parametrize("status", [b"204", b"304"])
def test_some_statuses_have_no_body(status: bytes) -> None:
    pair = make_pair()
    _, theirs = pair.request()
    pair.server.send_headers(theirs, [(b":status", status), (b"content-length", b"10")], end=True)
    pair.run()
    assert pair.at_client.take()[0][0] == "headers"


def test_a_client_opens_only_what_the_peer_allows() -> None:
    pair = make_pair(server_settings=H2Settings(max_concurrent_streams=2))
    allowed = [pair.client.can_open]
    first, _ = pair.request()
    allowed.append(pair.client.can_open)
    pair.request()
    allowed.append(pair.client.can_open)
    pair.client.reset(first)
    assert [*allowed, pair.client.can_open] == [True, True, False, True]


def test_streams_beyond_the_limit_are_refused() -> None:
    pair = make_pair(server_settings=H2Settings(max_concurrent_streams=1))
    pair.request()
    stream = pair.client.open_stream(None)
    pair.client.send_headers(stream, REQUEST, end=True)
    pair.run()
    assert pair.at_client.take() == [("reset", 3, errors.REFUSED_STREAM)]
    assert pair.server.active == 1


def test_stream_identifiers_run_out() -> None:
    client, _ = connect(True)
    client._next_id = frames.LARGEST_ID
    before = client.can_open
    client.send_headers(client.open_stream(None), REQUEST, end=True)
    assert (before, client.can_open) == (True, False)


def test_a_server_goes_away_gracefully() -> None:
    pair = make_pair()
    _, theirs = pair.request()
    pair.at_server.take()
    pair.server.goaway()
    late = pair.client.open_stream(None)
    pair.client.send_headers(late, REQUEST, end=True)
    pair.run()
    assert pair.at_client.take() == [("goaway", frames.LARGEST_ID, 0), ("goaway", 3, 0)]
    assert pair.at_server.take() == [("headers", 3, REQUEST, True)]
    assert not pair.client.can_open
    pair.server.send_headers(theirs, RESPONSE, end=True)
    pair.server.send_headers(pair.at_server.streams[3], RESPONSE, end=True)
    pair.run()
    assert pair.server.active == pair.client.active == 0


def test_streams_behind_the_last_goaway_are_refused() -> None:
    pair = make_pair()
    pair.server.goaway()
    pair.run()
    pair.client.closing = False
    stream = pair.client.open_stream(None)
    pair.client.send_headers(stream, REQUEST)
    pair.client.send_data(stream, b"x", end=True)
    pair.run()
    assert pair.at_server.take() == []
    assert pair.at_client.take()[-1] == ("reset", 1, errors.REFUSED_STREAM)


def test_goaway_gives_back_what_was_not_processed() -> None:
    client, heard = connect(True)
    client.receive(frames.settings({}))
    for _ in range(3):
        client.send_headers(client.open_stream(None), REQUEST, end=True)
    heard.take()
    client.receive(frames.goaway(3, errors.NO_ERROR))
    assert heard.take() == [("goaway", 3, 0), ("reset", 5, errors.REFUSED_STREAM)]
    assert client.active == 2
    assert client.goaway_code == errors.NO_ERROR


def test_goaway_of_a_client() -> None:
    pair = make_pair()
    pair.request()
    pair.at_server.take()
    pair.client.goaway()
    pair.run()
    assert pair.at_server.take() == [("goaway", 0, 0)]
    assert pair.server.active == 1
    assert not pair.client.can_open


def test_ping() -> None:
    pair = make_pair()
    pair.client.ping(b"12345678")
    pair.run()
    assert pair.at_client.take() == [("pong", b"12345678")]
    with pytest.raises(ValueError):
        pair.client.ping(b"short")


def test_wake_is_called_when_out_stops_being_empty() -> None:
    calls: list[int] = []
    connection = H2Connection(Recorder(), client=True, settings=H2Settings(), wake=lambda: calls.append(1))
    assert len(calls) == 1
    connection.ping(b"12345678")
    assert len(calls) == 1
    connection.out.clear()
    connection.ping(b"12345678")
    connection.ping(b"12345678")
    assert len(calls) == 2


def test_after_a_failure_nothing_is_heard() -> None:
    server, heard = connect(False)
    server.receive(b"GET / HTTP/1.1\r\n\r\n")
    assert heard.take() == [("failed", errors.PROTOCOL_ERROR)]
    server.receive(frames.PREFACE + frames.settings({}))
    assert heard.take() == []
    assert server.failed is not None
    assert not server.can_open


def test_a_handler_may_answer_and_reset_within_a_call() -> None:
    class Eager(Recorder):
        def headers_received(self, stream, headers, end) -> None:  # type: ignore[no-untyped-def]
            super().headers_received(stream, headers, end)
            assert self.connection is not None
            self.connection.send_headers(stream, RESPONSE, end=True)
            self.connection.reset(stream, errors.NO_ERROR)

    eager = Eager()
    eager.connection = server = H2Connection(eager, client=False, settings=H2Settings(), wake=lambda: None)
    client, heard = connect(True)
    stream = client.open_stream(None)
    client.send_headers(stream, POST)
    client.send_data(stream, b"body", end=True)
    server.receive(written(client))
    client.receive(written(server))
    assert heard.take()[1:] == [("headers", 1, RESPONSE, True)]
    assert eager.take()[1:] == [("headers", 1, POST, False)]
    assert server.active == client.active == 0

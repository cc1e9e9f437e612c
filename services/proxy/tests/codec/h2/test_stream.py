"""What an owner sees of a stream."""

from linkerd_proxy.codec.h2.stream import H2Stream


def test_a_stream() -> None:
    stream = H2Stream(3, "mine", 10, 20)
    assert (stream.id, stream.user, stream.queued, stream.closed) == (3, "mine", 0, False)
    stream.local_closed = stream.remote_closed = True
    assert stream.closed
    assert repr(stream) == "H2Stream(3, local_closed=True, remote_closed=True)"

"""The kept body: bounded, and its credit given once."""

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.outbound.replay import Replay


def kept(most: int | None, *parts: bytes | Headers) -> list[bytes | Headers] | None:
    replay = Replay(most)
    for part in parts:
        replay.keep(part)
    return replay.parts


def test_what_fits_is_kept_and_what_grows_too_large_is_let_go() -> None:
    assert kept(5, b"abc", b"de", [(b"x", b"1")]) == [b"abc", b"de", [(b"x", b"1")]]
    assert kept(5, b"abc", b"def") is None
    assert kept(5, b"abc", b"def", b"g") is None


def test_without_retries_nothing_is_kept() -> None:
    assert kept(None, b"abc") is None
    dropped = Replay(5)
    dropped.drop()
    dropped.keep(b"abc")
    assert dropped.parts is None


def test_credit_is_given_once_for_each_byte() -> None:
    replay = Replay(100)
    # The second attempt takes the first 20 bytes again.
    assert [replay.credit(taken) for taken in (10, 20, 5, 20, 30)] == [10, 10, 0, 0, 10]

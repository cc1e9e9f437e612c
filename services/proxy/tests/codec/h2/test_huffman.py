"""The Huffman code against the hpack library's encoder and decoder."""

import pytest
from hpack.exceptions import HPACKDecodingError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.huffman_table import decode_huffman
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.h2 import huffman

ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def test_every_symbol() -> None:
    text = bytes(range(256))
    assert huffman.decode(ENCODER.encode(text)) == text
    for symbol in range(256):
        assert huffman.decode(ENCODER.encode(bytes((symbol,)))) == bytes((symbol,))


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text("abcdefghijklmnopqrstuvwxyz0123456789-_./ ", max_size=60).map(str.encode))
def test_texts(text: bytes) -> None:
    assert huffman.decode(ENCODER.encode(text)) == text


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=12) | st.tuples(st.binary(max_size=4), st.sampled_from([b"\xff", b"\xff" * 4])).map(b"".join))
def test_any_bytes_give_the_library_s_verdict(raw: bytes) -> None:
    try:
        expected = decode_huffman(raw)
    except HPACKDecodingError:
        with pytest.raises(huffman.HuffmanError):
            huffman.decode(raw)
    else:
        assert huffman.decode(raw) == bytes(expected)


@pytest.mark.parametrize("raw", [b"\xff", b"\xff" * 4, b"\x18", b"\x1f\xff"])
def test_wrong_endings(raw: bytes) -> None:
    for _ in range(2):
        with pytest.raises(huffman.HuffmanError):
            huffman.decode(raw)


def test_the_memo_is_bounded() -> None:
    for number in range(20_000):
        huffman.decode(ENCODER.encode(number.to_bytes(3, "big") * 2))
    assert len(huffman._steps) <= huffman.STEPS_MEMO

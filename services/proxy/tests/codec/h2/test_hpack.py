"""RFC 7541, against its own examples and against the hpack library in both directions."""

import hpack
import pytest
from hpack.hpack import Decoder as TheirDecoder
from hpack.hpack import Encoder as TheirEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.h2.errors import COMPRESSION_ERROR, HpackError
from linkerd_proxy.codec.h2.hpack import (
    CHANGING,
    SECRET,
    Decoder,
    Encoder,
    NeverIndexed,
    decode_integer,
    encode_integer,
)
from linkerd_proxy.codec.headers import Headers

names = st.sampled_from(
    [b":method", b":path", b"content-type", b"content-length", b"x-a", b"x-long-name" * 20, b"cookie", b"date", b"etag"]
)
values = st.one_of(
    st.sampled_from([b"GET", b"/", b"text/plain", b"", b"v" * 200, b"w" * 1_500]),
    st.binary(max_size=40),
)
blocks = st.lists(st.lists(st.tuples(names, values), max_size=12), max_size=12)


@pytest.mark.parametrize(
    ("value", "prefix", "encoded"),
    [(10, 5, b"\x0a"), (1337, 5, b"\x1f\x9a\x0a"), (42, 8, b"\x2a"), (31, 5, b"\x1f\x00"), (127, 7, b"\x7f\x00")],
)
def test_integers_of_the_rfc(value: int, prefix: int, encoded: bytes) -> None:
    assert encode_integer(0, prefix, value) == encoded
    if len(encoded) > 1:
        assert decode_integer(encoded, 1, (1 << prefix) - 1) == (value, len(encoded))


def test_an_endless_integer_is_refused() -> None:
    with pytest.raises(HpackError):
        Decoder().decode(b"\xff" + b"\x80" * 9 + b"\x01")


def test_the_requests_of_appendix_c4() -> None:
    decoder = Decoder()
    first = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
    assert decoder.decode(bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")) == first
    assert decoder.decode(bytes.fromhex("828684be5886a8eb10649cbf")) == [*first, (b"cache-control", b"no-cache")]
    assert decoder.decode(bytes.fromhex("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")) == [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ]
    assert decoder.size == 164


def test_the_responses_of_appendix_c5_with_eviction() -> None:
    decoder = Decoder(256)
    decoder.apply_limit(256)
    first = bytes.fromhex(
        "3fe101"  # the example begins with a table of 256 bytes
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        "6e1768747470733a2f2f7777772e6578616d706c652e636f6d"
    )
    fields = decoder.decode(first)
    assert [name for name, _ in fields] == [b":status", b"cache-control", b"date", b"location"]
    assert decoder.size == 222
    assert decoder.decode(bytes.fromhex("4803333037c1c0bf"))[0] == (b":status", b"307")
    assert decoder.size == 222


@settings(deadline=None)
@given(blocks)
def test_the_library_reads_what_we_write(lists: list[Headers]) -> None:
    ours, theirs = Encoder(), TheirDecoder()
    for headers in lists:
        for _ in range(3):
            assert theirs.decode(ours.encode(headers), raw=True) == headers


@settings(deadline=None)
@given(blocks, st.booleans())
def test_we_read_what_the_library_writes(lists: list[Headers], huffman: bool) -> None:
    theirs, ours = TheirEncoder(), Decoder()
    for headers in lists:
        for _ in range(2):
            assert ours.decode(theirs.encode(headers, huffman=huffman)) == headers


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(st.tuples(names, values), max_size=6), st.integers(0, 5_000)), max_size=10))
def test_table_sizes_change_on_both_sides(steps: list[tuple[Headers, int]]) -> None:
    ours, theirs = Encoder(), TheirDecoder()
    theirs_out, ours_in = TheirEncoder(), Decoder(5_000)
    for headers, size in steps:
        ours.resize(size)
        theirs.max_allowed_table_size = 4_096
        theirs_out.header_table_size = size
        assert theirs.decode(ours.encode(headers), raw=True) == headers
        assert ours.size <= size
        assert ours_in.decode(theirs_out.encode(headers)) == headers
        assert ours_in.size == theirs_out.header_table._current_size


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_the_library_s_verdict(block: bytes) -> None:
    """Except where we are stricter on purpose: integers beyond 35 bits, size updates behind the first field."""
    try:
        expected = TheirDecoder(max_header_list_size=2**30).decode(block, raw=True)
    except hpack.HPACKError:
        with pytest.raises(HpackError):
            Decoder().decode(block)
        return
    try:
        got = Decoder().decode(block)
    except HpackError as error:
        stricter = str(error)
        assert stricter.endswith(("table size update after a field", "integer is too long"))
    else:
        assert got == expected


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\x80", id="index 0"),
        pytest.param(b"\xbe", id="index beyond the tables"),
        pytest.param(b"\x7e\x01a", id="name index beyond the tables"),
        pytest.param(b"\x40", id="truncated name"),
        pytest.param(b"\x40\x05ab", id="name longer than the block"),
        pytest.param(b"\x40\x01a", id="no value"),
        pytest.param(b"\x40\x01a\x05b", id="value longer than the block"),
        pytest.param(b"\xff", id="truncated integer"),
        pytest.param(b"\x3f\xe2\x1f", id="size update above the limit"),
        pytest.param(b"\x82\x20", id="size update behind a field"),
        pytest.param(b"\x20\x20\x20", id="three size updates"),
        pytest.param(b"\x40\x81\xff\x01a", id="Huffman padding of 8 bits"),
        pytest.param(b"\x40\x84\xff\xff\xff\xff\x01a", id="Huffman EOS"),
        pytest.param(b"\x40\x81\x18\x01a", id="Huffman padding that is not of ones"),
    ],
)
def test_errors(block: bytes) -> None:
    with pytest.raises(HpackError) as failure:
        Decoder().decode(block)
    assert failure.value.code == COMPRESSION_ERROR


def test_a_shrunk_table_must_be_announced() -> None:
    decoder = Decoder(100)
    assert decoder.decode(b"\x82") == [(b":method", b"GET")]
    decoder.apply_limit(100)
    with pytest.raises(HpackError):
        Decoder.decode(decoder, b"\x82")
    announced = Decoder(100)
    announced.apply_limit(100)
    assert announced.decode(b"\x3f\x45\x82") == [(b":method", b"GET")]


def test_two_resizes_announce_the_smallest_and_the_last() -> None:
    encoder = Encoder()
    encoder.resize(0)
    encoder.resize(1_000)
    assert encoder.encode([(b":method", b"GET")]) == b"\x20" + encode_integer(0x20, 5, 1_000) + b"\x82"
    assert encoder.encode([(b":method", b"GET")]) == b"\x82"


def test_an_entry_larger_than_the_table_empties_it() -> None:
    decoder = Decoder()
    decoder.decode(b"\x40\x01a\x01b")
    assert decoder.size == 34
    decoder.decode(b"\x40\x01a" + encode_integer(0, 7, 5_000) + b"x" * 5_000)
    assert decoder.size == 0


def test_a_name_may_come_from_the_entry_that_is_evicted_for_it() -> None:
    decoder = Decoder(64)
    decoder.apply_limit(64)
    decoder.decode(b"\x3f\x21\x40\x0a0123456789\x0a0123456789")
    assert decoder.decode(b"\x7e\x0aabcdefghij") == [(b"0123456789", b"abcdefghij")]


def test_pairs_enter_the_table_at_second_sight_and_are_one_byte_then() -> None:
    encoder = Encoder()
    field = [(b"x-app", b"web")]
    sizes = [len(encoder.encode(field)) for _ in range(4)]
    assert sizes == [11, 11, 1, 1]


@pytest.mark.parametrize("name", sorted(CHANGING | SECRET))
def test_some_names_never_enter_the_table(name: bytes) -> None:
    encoder = Encoder()
    written = {encoder.encode([(name, b"same")]) for _ in range(4)}
    (block,) = written
    assert encoder.size == 0
    assert block[0] & 0xF0 == (0x10 if name in SECRET else 0x00)


def test_unique_values_leave_the_table_alone() -> None:
    encoder = Encoder()
    for _ in range(3):
        encoder.encode([(b"x-app", b"web")])
    size = encoder.size
    for number in range(2_000):
        encoder.encode([(b"x-app", b"web"), (b":path", b"/user/%d" % number)])
    assert encoder.size == size


def test_never_indexed_literals_leave_as_they_came() -> None:
    decoder = Decoder()
    fields = decoder.decode(b"\x10\x05x-key\x05value")
    assert fields == [(b"x-key", b"value")]
    assert isinstance(fields[0], NeverIndexed)
    encoder = Encoder()
    for _ in range(3):
        encoder.encode([(b"x-key", b"value")])
    for _ in range(3):
        assert encoder.encode(fields) == b"\x10\x05x-key\x05value"
    assert encoder.encode([(b"x-key", b"value")]) == b"\xbe"


def test_the_memos_empty_when_the_table_changes() -> None:
    decoder = Decoder()
    decoder.heads[b"block"] = ([], 0, 0)
    decoder.trailers[b"block"] = ([], 0, 0)
    decoder.decode(b"\x82")
    assert (decoder.stable, len(decoder.heads)) == (True, 1)
    decoder.decode(b"\x40\x01a\x01b")
    assert (decoder.stable, len(decoder.heads), len(decoder.trailers)) == (False, 0, 0)

"""The SPDY/3.1 codec, against frames that a client would make."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.apiserver.portforward import spdy


class Client:
    """The other side: makes SYN_STREAM frames and reads replies."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    def open(self, stream: int, **headers: str) -> bytes:
        plain = struct.pack(">I", len(headers))
        for name, value in headers.items():
            plain += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value.encode()
        block = self._deflate.compress(plain) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", stream, 0, 0) + block
        return struct.pack(">II", 0x80030001, len(payload)) + payload


def test_the_dictionary_is_the_drafts() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_a_session_reads_streams_data_and_control_frames() -> None:
    client, session = Client(), spdy.Session()
    raw = client.open(1, Streamtype="error", port="80") + client.open(3, streamtype="data", port="80")
    raw += spdy.data(3, b"hi") + spdy.data(3, b"", fin=True) + spdy.ping(7) + spdy.reset(1)
    raw += struct.pack(">IIII", 0x80030007, 8, 3, 0)
    assert session.feed(raw) == [
        spdy.Opened(1, {"streamtype": "error", "port": "80"}, False),
        spdy.Opened(3, {"streamtype": "data", "port": "80"}, False),
        spdy.Data(3, b"hi", False),
        spdy.Data(3, b"", True),
        spdy.Ping(7),
        spdy.Reset(1),
        spdy.Goaway(),
    ]


def test_replies_can_be_read_with_the_dictionary() -> None:
    session, inflate = spdy.Session(), zlib.decompressobj(zdict=spdy.DICTIONARY)
    for stream, headers in ((1, {}), (3, {"a": "bc"})):
        frame = session.reply(stream, headers)
        first, second, number = struct.unpack_from(">III", frame)
        assert (first, second, number) == (0x80030002, len(frame) - 8, stream)
        plain = inflate.decompress(frame[12:])
        assert plain[:4] == struct.pack(">I", len(headers))


@given(st.lists(st.integers(1, 40), max_size=30))
def test_events_do_not_depend_on_how_the_bytes_arrive(cuts: list[int]) -> None:
    client = Client()
    raw = client.open(1, streamtype="data", port="80") + spdy.data(1, b"x" * 50, fin=True) + spdy.ping(1)
    whole, session, events = spdy.Session().feed(raw), spdy.Session(), []
    for cut in [*cuts, len(raw)]:
        events += session.feed(raw[:cut])
        raw = raw[cut:]
    events += session.feed(raw)
    assert events == whole


@pytest.mark.parametrize(
    "raw",
    [
        struct.pack(">II", 0x80020001, 10) + bytes(10),
        struct.pack(">II", 0x80030001, 12) + bytes(10) + b"xx",
        struct.pack(">II", 0x80030006, 0),
    ],
)
def test_malformed_frames_are_errors(raw: bytes) -> None:
    with pytest.raises(spdy.ProtocolError):
        spdy.Session().feed(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_frames_or_a_protocol_error(raw: bytes) -> None:
    try:
        spdy.Session().feed(raw)
    except spdy.ProtocolError as error:
        assert str(error)  # noqa: PT017

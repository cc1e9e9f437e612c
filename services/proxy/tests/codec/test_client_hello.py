"""ClientHellos of OpenSSL, whole, cut and broken."""

import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from linkerd_proxy.codec.client_hello import LARGEST_HELLO, NEED_MORE, NOT_TLS, Outcome, Result, sni

NAME = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"


def hello(name: str | None = NAME, protocols: tuple[str, ...] = ("h2", "linkerd-tcp/1")) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    out = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


HELLO = hello()


def in_records(data: bytes, size: int) -> bytes:
    body = data[5:]
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


def test_name_and_protocols() -> None:
    assert sni(HELLO) == Result(Outcome.HELLO, NAME, (b"h2", b"linkerd-tcp/1"))
    assert sni(HELLO + b"early data") == sni(HELLO)
    assert sni(hello(None, ())) == Result(Outcome.HELLO)
    assert sni(hello("WEB.Example")).server_name == "web.example"


def test_every_beginning_needs_more() -> None:
    assert all(sni(HELLO[:end]) is NEED_MORE for end in range(len(HELLO)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_fragments(size: int) -> None:
    data = in_records(HELLO, size)
    assert sni(data) == sni(HELLO)
    assert sni(data[:-1]) is NEED_MORE


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x17",
        b"\x16\x02",
        b"\x16\x03\x01\x00\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x04\x01" + (LARGEST_HELLO + 1).to_bytes(3, "big"),
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        b"\x16\x03\x01\x00\x01\x01\x15\x03\x01",
    ],
)
def test_what_is_not_a_hello(data: bytes) -> None:
    assert sni(data) is NOT_TLS


def test_a_hello_without_extensions() -> None:
    body = b"\x03\x03" + b"r" * 32 + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    assert sni(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message) == Result(Outcome.HELLO)


@settings(deadline=None)
@given(st.integers(0, len(HELLO) - 1), st.integers(0, 255))
def test_a_broken_byte_never_raises(position: int, value: int) -> None:
    broken = bytearray(HELLO)
    broken[position] = value
    assert sni(bytes(broken)).outcome in Outcome


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert sni(data).outcome in Outcome
    assert sni(b"\x16\x03\x01\x00\x60\x01\x00\x00\x5c" + data).outcome in Outcome

"""DNS messages, byte by byte."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.net import dns_wire
from linkerd_sandbox.net.dns_wire import BadQuery, Query


def question(name: str, kind: int = dns_wire.A, *, edns: int = 0, flags: int = 0x0100) -> bytes:
    head = struct.pack("!6H", 0x1234, flags, 1, 0, 0, 1 if edns else 0)
    body = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"
    opt = b"\0" + struct.pack("!2HIH", dns_wire.OPT, edns, 0, 0) if edns else b""
    return head + body + struct.pack("!2H", kind, 1) + opt


def test_a_query_is_read() -> None:
    query = dns_wire.parse(question("Web.Default.svc.cluster.local.", dns_wire.AAAA, edns=1232))
    assert (query.id, query.name, query.kind) == (0x1234, "web.default.svc.cluster.local", dns_wire.AAAA)
    assert (query.max_size, query.edns) == (1232, True)
    assert dns_wire.parse(question("a")).max_size == 512


def test_an_answer_echoes_the_question_as_asked() -> None:
    raw = question("WeB.x", edns=4096)
    query = dns_wire.parse(raw)
    answer = dns_wire.respond(query, dns_wire.NOERROR, [dns_wire.a("web.x", "10.43.0.16")])
    number, flags, questions, answers, _, additional = struct.unpack_from("!6H", answer)
    assert (number, questions, answers, additional) == (0x1234, 1, 1, 1)
    assert flags == 0x8000 | 0x0400 | 0x0100 | 0x0080
    assert b"\x03WeB\x01x\x00" in answer
    assert b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x0a\x2b\x00\x10" in answer


def test_srv_records() -> None:
    record = dns_wire.srv("_http._tcp.web", 80, "web.x", 100)
    assert record.data == b"\x00\x00\x00\x64\x00\x50\x03web\x01x\x00"


def test_too_much_for_udp_is_truncated() -> None:
    query = dns_wire.parse(question("web.x"))
    records = [dns_wire.a("web.x", f"10.42.0.{n}") for n in range(100)]
    answer = dns_wire.respond(query, dns_wire.NOERROR, records, limit=512)
    assert len(answer) <= 512
    assert struct.unpack_from("!2H", answer)[1] & 0x0200
    assert struct.unpack_from("!6H", dns_wire.respond(query, dns_wire.NOERROR, records, limit=65535))[3] == 100


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (question("a", flags=0x2000), dns_wire.NOTIMP),
        (struct.pack("!6H", 1, 0, 2, 0, 0, 0), dns_wire.FORMERR),
        (struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\x00\x01\x00\x01", dns_wire.FORMERR),
        (struct.pack("!6H", 1, 0, 1, 0, 0, 0) + b"\x05ab", dns_wire.FORMERR),
    ],
)
def test_bad_queries_get_their_code(raw: bytes, code: int) -> None:
    with pytest.raises(BadQuery) as caught:
        dns_wire.parse(raw)
    assert caught.value.reply is not None
    assert caught.value.reply[3] & 15 == code


def test_answers_are_never_answered() -> None:
    with pytest.raises(BadQuery) as caught:
        dns_wire.parse(question("a", flags=0x8000))
    assert caught.value.reply is None


@given(st.binary(max_size=600))
def test_any_bytes_are_a_query_or_a_bad_one(raw: bytes) -> None:
    try:
        assert isinstance(dns_wire.parse(raw), Query)
    except BadQuery:
        pass


def test_labels_are_at_most_63_bytes() -> None:
    with pytest.raises(ValueError, match="too long"):
        dns_wire.encode_name("x" * 64)

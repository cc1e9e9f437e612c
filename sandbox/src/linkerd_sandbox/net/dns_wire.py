"""DNS messages: read a query, write an answer. PURE.

RFC 1035 (format), RFC 2782 (SRV), RFC 6891 (EDNS: only the size is honoured). Names in answers are compressed against
the question alone, which covers nearly every byte that could be saved.
"""

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

A, NS, CNAME, SOA, PTR, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 28, 33, 41, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
_IN: Final = 1
_HEADER: Final = struct.Struct("!6H")
_MAX_UDP: Final = 4096
_MIN_UDP: Final = 512
_QR, _AA, _TC, _RD, _RA = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080


class BadQuery(Exception):
    """Not a query that can be answered; `reply` is what to send back, when anything."""

    def __init__(self, reply: bytes | None) -> None:
        super().__init__("bad DNS query")
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Query:
    """One question; `name` is lower case without the last dot, `raw_name` as it was asked."""

    id: int
    flags: int
    name: str
    kind: int
    raw_question: bytes
    max_size: int
    edns: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One answer record. `data` is wire format; `name` without the last dot."""

    name: str
    kind: int
    data: bytes
    ttl: int = 5


def encode_name(name: str) -> bytes:
    """Labels with their lengths. Raises ValueError for a label over 63 bytes."""
    out = bytearray()
    for label in filter(None, name.split(".")):
        raw = label.encode("idna") if not label.isascii() else label.encode()
        if len(raw) > 63:
            raise ValueError(f"DNS label too long: {label}")
        out.append(len(raw))
        out += raw
    return bytes(out) + b"\0"


def a(name: str, address: str) -> Record:
    return Record(name, A, socket.inet_aton(address))


def aaaa(name: str, address: str) -> Record:
    return Record(name, AAAA, socket.inet_pton(socket.AF_INET6, address))


def address(name: str, text: str) -> Record:
    """A or AAAA, as the address is."""
    return aaaa(name, text) if ":" in text else a(name, text)


def cname(name: str, target: str) -> Record:
    return Record(name, CNAME, encode_name(target))


def srv(name: str, port: int, target: str, weight: int) -> Record:
    return Record(name, SRV, struct.pack("!3H", 0, weight, port) + encode_name(target))


def soa(zone: str) -> Record:
    """For negative answers: the last number is how long they may be kept (seconds)."""
    names = encode_name(f"ns.dns.{zone}") + encode_name(f"hostmaster.{zone}")
    return Record(zone, SOA, names + struct.pack("!5I", 1, 7200, 1800, 86400, 5))


def _read_name(data: bytes, offset: int) -> tuple[str, int]:
    labels: list[str] = []
    while True:
        length = data[offset]
        offset += 1
        if length == 0:
            return ".".join(labels), offset
        if length > 63:
            raise ValueError("a compressed name in a question")
        labels.append(data[offset : offset + length].decode("latin-1").lower())
        if offset + length > len(data):
            raise ValueError("truncated")
        offset += length


def parse(data: bytes) -> Query:
    """Raises BadQuery."""
    if len(data) < _HEADER.size:
        raise BadQuery(None)
    number, flags, questions, _, _, additional = _HEADER.unpack_from(data)
    if flags & _QR:
        raise BadQuery(None)  # an answer: answering it could loop
    opcode = flags >> 11 & 15
    if opcode or questions != 1:
        code = NOTIMP if opcode else FORMERR
        raise BadQuery(_HEADER.pack(number, _QR | flags & (0x7800 | _RD) | code, 0, 0, 0, 0))
    try:
        name, offset = _read_name(data, _HEADER.size)
        kind, _ = struct.unpack_from("!2H", data, offset)
        size, edns = _edns(data, offset + 4) if additional else (_MIN_UDP, False)
    except (IndexError, ValueError, struct.error):
        raise BadQuery(_HEADER.pack(number, _QR | flags & _RD | FORMERR, 0, 0, 0, 0)) from None
    return Query(number, flags, name, kind, data[_HEADER.size : offset + 4], size, edns)


def _edns(data: bytes, offset: int) -> tuple[int, bool]:
    """(largest answer, whether EDNS is spoken): the OPT record is the first additional one in every query seen."""
    if data[offset : offset + 1] != b"\0" or len(data) < offset + 11:
        return _MIN_UDP, False
    kind, size = struct.unpack_from("!2H", data, offset + 1)
    return (max(_MIN_UDP, min(size, _MAX_UDP)), True) if kind == OPT else (_MIN_UDP, False)


def respond(
    query: Query,
    code: int,
    answers: Sequence[Record] = (),
    authority: Sequence[Record] = (),
    additional: Sequence[Record] = (),
    *,
    limit: int | None = None,
) -> bytes:
    """The answer; over `limit` bytes it says so (TC) and carries no records, so that the client asks over TCP."""
    flags = _QR | _AA | _RA | query.flags & _RD | code
    opt = b"\0" + struct.pack("!2HIH", OPT, _MAX_UDP, 0, 0) if query.edns else b""

    def build(flags: int, *sections: Sequence[Record]) -> bytes:
        counts = [len(section) for section in sections]
        counts[2] += 1 if opt else 0
        head = _HEADER.pack(query.id, flags, 1, *counts) + query.raw_question
        return head + b"".join(_encode(record, query.name) for section in sections for record in section) + opt

    whole = build(flags, answers, authority, additional)
    if limit is not None and len(whole) > limit:
        whole = build(flags, answers, authority, ()) if additional else whole
        if len(whole) > limit:
            return build(flags | _TC, (), (), ())
    return whole


def _encode(record: Record, question: str) -> bytes:
    name = b"\xc0\x0c" if record.name == question else encode_name(record.name)
    return name + struct.pack("!2HIH", record.kind, _IN, record.ttl, len(record.data)) + record.data

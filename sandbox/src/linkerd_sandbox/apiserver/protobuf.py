"""Request bodies in `application/vnd.kubernetes.protobuf`, which `kubectl create` of typed kinds sends. PURE.

A body is the magic `k8s\\0` and a `runtime.Unknown` that names the kind and holds the object. Field numbers come from a
table (made by tools/make_protobuf.py). Go writes every field that is not a pointer, so a zero in such a field means
absent. Answers are JSON: those clients accept it.
"""

import base64
import lzma
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources

import msgspec

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, decode, group_version
from linkerd_sandbox.apiserver.status import bad_request

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_SIGN = 1 << 63
_MICROSECOND = 1000


class _Malformed(Exception):
    """The bytes are no message."""


class _Table(msgspec.Struct):
    kinds: dict[str, str]
    messages: dict[str, dict[str, str]]


@lru_cache(maxsize=1)
def _table() -> _Table:
    packed = resources.files("linkerd_sandbox.apiserver").joinpath("data/protobuf.json.xz").read_bytes()
    return msgspec.json.decode(lzma.decompress(packed), type=_Table)


def read(raw: bytes) -> JsonObject:
    """The object in a body. Raises `StatusError` 400."""
    try:
        if not raw.startswith(_MAGIC):
            raise _Malformed("the body does not begin with the magic bytes")
        envelope = dict(_fields(raw[len(_MAGIC) :]))
        meta = dict(_fields(_bytes(envelope.get(1, b""))))
        api_version, kind = (_bytes(meta.get(number, b"")).decode() for number in (1, 2))
        group, version = group_version(api_version)
        table = _table()
        name = table.kinds.get(f"{group}/{version}/{kind}") or table.kinds.get(f"//{kind}")
        if name is None:
            raise bad_request(f'no kind "{kind}" is known for version "{api_version}" in protobuf form')
        body = _message(name, _bytes(envelope.get(2, b"")))
    except (_Malformed, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise bad_request(f"the protobuf body cannot be read: {error}") from error
    return {"kind": kind, "apiVersion": api_version, **body}


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(raw) or shift > 63:
            raise _Malformed("a number is cut short")
        byte = raw[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _fields(raw: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Numbers and values of a message's fields."""
    position = 0
    while position < len(raw):
        key, position = _varint(raw, position)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, position = _varint(raw, position)
            yield number, value
            continue
        if wire == 2:
            length, position = _varint(raw, position)
        else:
            length = {1: 8, 5: 4}.get(wire, -1)
        if length < 0 or position + length > len(raw):
            raise _Malformed("a field is cut short or of an unknown wire type")
        yield number, raw[position : position + length]
        position += length


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _Malformed("a number stands where bytes belong")
    return value


def _integer(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise _Malformed("bytes stand where a number belongs")
    return value - (1 << 64) if value & _SIGN else value


def _message(name: str, raw: bytes) -> JsonObject:
    fields = _table().messages[name]
    found: JsonObject = {}
    for number, value in _fields(raw):
        label, _, kind = fields.get(str(number), "").partition(":")
        if not kind:
            continue
        pointer = kind.startswith("*")
        kind = kind.removeprefix("*")
        if kind.startswith("[]"):
            found.setdefault(label, []).append(_value(kind[2:].removeprefix("*"), value))
        elif kind.startswith("{}"):
            entry = dict(_fields(_bytes(value)))
            key = _bytes(entry.get(1, b"")).decode()
            found.setdefault(label, {})[key] = _value(kind[2:].removeprefix("*"), entry.get(2, b""))
        elif not label:
            found |= _message(kind, _bytes(value))
        else:
            read_value = _value(kind, value)
            if pointer or read_value not in (None, "", 0, False, {}, []):
                found[label] = read_value
    return found


def _value(kind: str, value: int | bytes) -> JsonValue:
    match kind:
        case "s":
            return _bytes(value).decode()
        case "b":
            return bool(_integer(value)) if value != b"" else False
        case "i":
            return _integer(value) if value != b"" else 0
        case "d":
            return float(struct.unpack("<d", _bytes(value))[0])
        case "y":
            return base64.b64encode(_bytes(value)).decode()
        case "Time" | "MicroTime":
            return _time(_bytes(value), micro=kind == "MicroTime")
        case "Duration":
            nanoseconds = _integer(dict(_fields(_bytes(value))).get(1, 0))
            return f"{nanoseconds / 1e9:g}s"
        case "Quantity":
            return _bytes(dict(_fields(_bytes(value))).get(1, b"")).decode()
        case "Raw":
            raw = _bytes(dict(_fields(_bytes(value))).get(1, b""))
            return decode(raw) if raw else None
        case "Items":
            return [_bytes(item).decode() for number, item in _fields(_bytes(value)) if number == 1]
        case "IntOrString":
            parts = dict(_fields(_bytes(value)))
            return _bytes(parts.get(3, b"")).decode() if parts.get(1) else _integer(parts.get(2, 0))
        case _:
            return _message(kind, _bytes(value))


def _time(raw: bytes, *, micro: bool) -> str | None:
    parts = dict(_fields(raw))
    seconds, nanoseconds = _integer(parts.get(1, 0)), _integer(parts.get(2, 0))
    if not seconds and not nanoseconds:
        return None
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{moment}.{nanoseconds // _MICROSECOND:06d}Z" if micro else f"{moment}Z"

"""The frames of RFC 9113 section 6: numbers, flags, and bytes of those that we send."""

import struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADER_SIZE: Final = 9

DATA: Final = 0x0
HEADERS: Final = 0x1
PRIORITY: Final = 0x2
RST_STREAM: Final = 0x3
SETTINGS: Final = 0x4
PUSH_PROMISE: Final = 0x5
PING: Final = 0x6
GOAWAY: Final = 0x7
WINDOW_UPDATE: Final = 0x8
CONTINUATION: Final = 0x9

END_STREAM: Final = 0x1
ACK: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8
PRIORITY_FLAG: Final = 0x20

LARGEST_ID: Final = 2**31 - 1

HEAD: Final = struct.Struct(">HBBBI")
"""Length (16 + 8 bits), type, flags, stream identifier (the top bit is reserved: mask it)."""

U32: Final = struct.Struct(">I")
_RST: Final = struct.Struct(">HBBBII")
_GOAWAY: Final = struct.Struct(">HBBBIII")
_SETTING: Final = struct.Struct(">HI")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    n = len(payload)
    return HEAD.pack(n >> 8, n & 255, kind, flags, stream) + payload


def rst_stream(stream: int, code: int) -> bytes:
    return _RST.pack(0, 4, RST_STREAM, 0, stream, code)


def window_update(stream: int, increment: int) -> bytes:
    return _RST.pack(0, 4, WINDOW_UPDATE, 0, stream, increment)


def ping(data: bytes, flags: int = 0) -> bytes:
    return frame(PING, flags, 0, data)


def goaway(last_stream: int, code: int, text: bytes = b"") -> bytes:
    n = 8 + len(text)
    return _GOAWAY.pack(n >> 8, n & 255, GOAWAY, 0, 0, last_stream, code) + text


def settings(values: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join([_SETTING.pack(key, value) for key, value in values.items()]))


SETTINGS_ACK: Final = frame(SETTINGS, ACK, 0)


def parse_settings(payload: bytes) -> list[tuple[int, int]]:
    """Identifier and value pairs, in order; the length must be a multiple of 6 (the caller checks)."""
    return list(_SETTING.iter_unpack(payload))

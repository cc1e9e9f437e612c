"""SETTINGS of both sides (RFC 9113 section 6.5): what we ask for, and what the peer asked for."""

import dataclasses

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.errors import H2Error

HEADER_TABLE_SIZE = 0x1
ENABLE_PUSH = 0x2
MAX_CONCURRENT_STREAMS = 0x3
INITIAL_WINDOW_SIZE = 0x4
MAX_FRAME_SIZE = 0x5
MAX_HEADER_LIST_SIZE = 0x6
ENABLE_CONNECT_PROTOCOL = 0x8

DEFAULT_WINDOW = 65_535
SMALLEST_FRAME_LIMIT = 16_384
LARGEST_FRAME_LIMIT = 16_777_215
LARGEST_WINDOW = 2**31 - 1


@dataclasses.dataclass(frozen=True, slots=True)
class H2Settings:
    """What this side allows its peer. Sizes in bytes."""

    stream_window: int = DEFAULT_WINDOW
    """Receive window of each stream, as Linkerd's default."""
    connection_window: int = 1_048_576
    """Receive window of the connection, as Linkerd's default; never below 65,535."""
    max_concurrent_streams: int = 1_000
    """Streams that a client may have open with us; more are refused."""
    max_frame_size: int = SMALLEST_FRAME_LIMIT
    max_header_list_size: int = 65_536
    """Sum of names, values and 32 for each field: as much as an HTTP/1 head may have, which is carried here."""
    header_table_size: int = 4_096
    """Bytes of the HPACK table that the peer's encoder may use, and the most that ours does."""

    def __post_init__(self) -> None:
        ranges = (
            ("stream_window", 1, LARGEST_WINDOW),
            ("connection_window", DEFAULT_WINDOW, LARGEST_WINDOW),
            ("max_concurrent_streams", 1, 2**32 - 1),
            ("max_frame_size", SMALLEST_FRAME_LIMIT, LARGEST_FRAME_LIMIT),
            ("max_header_list_size", 1, 2**32 - 1),
            ("header_table_size", 0, 2**20),
        )
        for name, low, high in ranges:
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}, not within {low} to {high}")

    def first_frames(self, *, client: bool) -> bytes:
        """The connection preface of our side, and the connection window beyond the initial one."""
        values = {
            MAX_FRAME_SIZE: self.max_frame_size,
            MAX_HEADER_LIST_SIZE: self.max_header_list_size,
            INITIAL_WINDOW_SIZE: self.stream_window,
        }
        if client:
            values[ENABLE_PUSH] = 0
        else:
            values[MAX_CONCURRENT_STREAMS] = self.max_concurrent_streams
        if self.header_table_size != 4_096:
            values[HEADER_TABLE_SIZE] = self.header_table_size
        hello = (frames.PREFACE if client else b"") + frames.settings(values)
        if self.connection_window > DEFAULT_WINDOW:
            hello += frames.window_update(0, self.connection_window - DEFAULT_WINDOW)
        return hello


class PeerSettings:
    """The peer's values; the defaults of the RFC until its SETTINGS come."""

    __slots__ = (
        "header_table_size",
        "initial_window",
        "max_concurrent_streams",
        "max_frame_size",
        "max_header_list_size",
    )

    def __init__(self) -> None:
        self.header_table_size = 4_096
        self.max_concurrent_streams = 2**32 - 1
        self.initial_window = DEFAULT_WINDOW
        self.max_frame_size = SMALLEST_FRAME_LIMIT
        self.max_header_list_size = 2**32 - 1

    def apply(self, pairs: list[tuple[int, int]], *, from_server: bool) -> None:
        """Takes one SETTINGS frame over. Raises H2Error for a value out of range; unknown identifiers are ignored."""
        for key, value in pairs:
            if key == HEADER_TABLE_SIZE:
                self.header_table_size = value
            elif key == ENABLE_PUSH:
                if value > 1 or (value and from_server):
                    raise H2Error(f"ENABLE_PUSH is {value}")
            elif key == MAX_CONCURRENT_STREAMS:
                self.max_concurrent_streams = value
            elif key == INITIAL_WINDOW_SIZE:
                if value > LARGEST_WINDOW:
                    raise H2Error(f"INITIAL_WINDOW_SIZE is {value}", errors.FLOW_CONTROL_ERROR)
                self.initial_window = value
            elif key == MAX_FRAME_SIZE:
                if not SMALLEST_FRAME_LIMIT <= value <= LARGEST_FRAME_LIMIT:
                    raise H2Error(f"MAX_FRAME_SIZE is {value}")
                self.max_frame_size = value
            elif key == MAX_HEADER_LIST_SIZE:
                self.max_header_list_size = value
            elif key == ENABLE_CONNECT_PROTOCOL and value > 1:
                raise H2Error(f"ENABLE_CONNECT_PROTOCOL is {value}")

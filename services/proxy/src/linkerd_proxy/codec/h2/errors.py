"""HTTP/2 error codes (RFC 9113 section 7) and the error that ends a connection."""

NO_ERROR = 0x0
PROTOCOL_ERROR = 0x1
INTERNAL_ERROR = 0x2
FLOW_CONTROL_ERROR = 0x3
SETTINGS_TIMEOUT = 0x4
STREAM_CLOSED = 0x5
FRAME_SIZE_ERROR = 0x6
REFUSED_STREAM = 0x7
CANCEL = 0x8
COMPRESSION_ERROR = 0x9
CONNECT_ERROR = 0xA
ENHANCE_YOUR_CALM = 0xB
INADEQUATE_SECURITY = 0xC
HTTP_1_1_REQUIRED = 0xD

NAMES: tuple[str, ...] = (
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
)


def code_name(code: int) -> str:
    """The name of the RFC, or the number in hex for codes that it does not know."""
    return NAMES[code] if 0 <= code < len(NAMES) else f"{code:#x}"


class H2Error(Exception):
    """What the peer did wrong to the whole connection (RFC 9113 section 5.4.1); ``code`` goes into the GOAWAY."""

    code: int

    def __init__(self, message: str, code: int = PROTOCOL_ERROR) -> None:
        super().__init__(message)
        self.code = code

    def __str__(self) -> str:
        return f"{code_name(self.code)}: {self.args[0]}"


class HpackError(H2Error):
    """A header block that cannot be decoded: both sides' tables differ from here on (RFC 9113 section 4.3)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, COMPRESSION_ERROR)

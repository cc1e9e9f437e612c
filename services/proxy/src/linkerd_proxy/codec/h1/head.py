"""Heads of requests and responses: bytes up to and with the empty line, to slotted objects.

Strict by grammar: every field line must match RFC 9110's token ":" value with nothing between, so folded lines, white
space before the colon, control characters and bare CR or LF have no way in. Then the framing rules of RFC 9112 section
6, with every ambiguity an error: what two readers could read differently is how requests are smuggled.

Whole heads and single lines are remembered in bounded memos for the process: clients repeat themselves.
"""

import re
from typing import Any, Final

from linkerd_proxy.codec.h1.errors import H1Error
from linkerd_proxy.codec.headers import Header, Headers

MAX_HEAD: Final = 65_536
"""Bytes of a head (nginx: 32 KiB in four buffers, Envoy: 60 KiB)."""
MAX_FIELDS: Final = 200
"""Envoy and hyper: 100; with room for what proxies add."""
MAX_LENGTH_DIGITS: Final = 18

HEAD_MEMO: Final = 256
HEAD_MEMO_LENGTH: Final = 1_024
LINE_MEMO: Final = 1_024
LINE_MEMO_LENGTH: Final = 128
"""Entries and bytes remembered: at most some 600 KB in the process when all are full."""

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE: Final = re.compile(
    rb"(" + _TOKEN + rb"):[ \t]*((?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*"
    rb"[\x21-\x7e\x80-\xff])?)?)[ \t]*"
)
_REQUEST_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e\x80-\xff]+) HTTP/(\d\.\d)")
_STATUS_LINE: Final = re.compile(rb"HTTP/(1\.[01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?")
_HOST: Final = re.compile(rb"[A-Za-z0-9\-._~%!$&'()*+,;=:\[\]]*")
_ABSOLUTE: Final = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*://[^/?#@\\]+(?:[/?].*)?")
_AUTHORITY: Final = re.compile(rb"(?:[A-Za-z0-9\-._~%!$&'()*+,;=]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}")

FRAMING: Final = frozenset(
    (b"connection", b"content-length", b"expect", b"host", b"transfer-encoding", b"upgrade", b"te", b"http2-settings")
)
"""Names that a head is looked through for."""

_lines: dict[bytes, Header] = {}


class _Framing:
    """What the framing fields of a head say together."""

    __slots__ = ("chunked", "content_length", "expect_continue", "hosts", "options", "upgrade")

    def __init__(self, headers: Headers, version: bytes) -> None:
        self.content_length: int | None = None
        self.hosts = 0
        self.options: list[bytes] = []
        self.upgrade: bytes | None = None
        self.expect_continue = False
        codings: list[bytes] = []
        for name, value in headers:
            if name not in FRAMING:
                continue
            if name == b"content-length":
                if self.content_length is not None:
                    raise H1Error("repeated Content-Length")
                if not value.isdigit() or len(value) > MAX_LENGTH_DIGITS:
                    raise H1Error("Content-Length is not a number")
                self.content_length = int(value)
            elif name == b"transfer-encoding":
                codings += [coding.strip(b" \t").lower() for coding in value.split(b",")]
            elif name == b"connection":
                self.options += [option.strip(b" \t").lower() for option in value.split(b",")]
            elif name == b"host":
                self.hosts += 1
                if not _HOST.fullmatch(value):
                    raise H1Error("Host is not a host and port")
            elif name == b"upgrade":
                self.upgrade = value
            elif name == b"expect":
                self.expect_continue = value.lower() == b"100-continue"
        self.chunked = bool(codings)
        if codings:
            self._check_codings(codings, version)

    def _check_codings(self, codings: list[bytes], version: bytes) -> None:
        if self.content_length is not None:
            raise H1Error("Transfer-Encoding with Content-Length")
        if version == b"1.0":
            raise H1Error("Transfer-Encoding in HTTP/1.0")
        if codings[-1] != b"chunked" or codings.count(b"chunked") != 1:
            raise H1Error("Transfer-Encoding does not end in chunked")
        if len(codings) > 1:
            raise H1Error("transfer coding besides chunked", 501)

    def keep_alive(self, version: bytes) -> bool:
        if version == b"1.1":
            return b"close" not in self.options
        return b"keep-alive" in self.options and b"close" not in self.options


class RequestHead:
    """Handed out again for an identical head, so never change it; ``memo`` is for what the owner derives from it alone.

    ``upgrade``: asks for another protocol than h2c, or is a CONNECT; the reader stops after such a message.
    ``content_length`` is None without the field; a request has no body then, unless ``chunked``.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "expect_continue",
        "headers",
        "keep_alive",
        "memo",
        "method",
        "target",
        "upgrade",
        "version",
    )

    def __init__(self, method: bytes, target: bytes, version: bytes, headers: Headers) -> None:
        framing = _Framing(headers, version)
        if framing.hosts > 1:
            raise H1Error("repeated Host")
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.keep_alive = framing.keep_alive(version)
        self.chunked = framing.chunked
        self.content_length = framing.content_length
        self.expect_continue = framing.expect_continue and version == b"1.1"
        self.upgrade = method == b"CONNECT" or (
            framing.upgrade is not None
            and version == b"1.1"
            and b"upgrade" in framing.options
            and framing.upgrade.lower() != b"h2c"
        )
        self.memo: Any = None


class ResponseHead:
    """Handed out again for an identical head, so never change it; ``memo`` keeps what the owner derives from it."""

    __slots__ = ("chunked", "content_length", "headers", "keep_alive", "memo", "reason", "status", "upgrade", "version")

    def __init__(self, status: int, reason: bytes, version: bytes, headers: Headers) -> None:
        framing = _Framing(headers, version)
        self.status = status
        self.reason = reason
        self.version = version
        self.headers = headers
        self.keep_alive = framing.keep_alive(version)
        self.chunked = framing.chunked
        self.content_length = framing.content_length
        self.upgrade = status == 101
        self.memo: Any = None


_requests: dict[bytes, RequestHead] = {}
_responses: dict[bytes, ResponseHead] = {}


def parse_fields(lines: list[bytes], most: int = MAX_FIELDS) -> Headers:
    """Field lines without their CRLF. Raises H1Error."""
    if len(lines) > most:
        raise H1Error(f"more than {most} fields", 431)
    known = _lines.get
    return [known(line) or _parse_line(line) for line in lines]


def _parse_line(line: bytes) -> Header:
    match = _LINE.fullmatch(line)
    if match is None:
        raise H1Error("field line is not a token, a colon and a value")
    name, value = match.groups()
    field = (name.lower(), value)
    if len(line) <= LINE_MEMO_LENGTH:
        if len(_lines) >= LINE_MEMO:
            _lines.clear()
        _lines[line] = field
    return field


def parse_request(block: bytes) -> RequestHead:
    """A head with its empty line. Raises H1Error."""
    head = _requests.get(block)
    if head is None:
        lines = block[:-4].split(b"\r\n")
        match = _REQUEST_LINE.fullmatch(lines[0])
        if match is None:
            raise H1Error("request line is not a method, a target and a version")
        method, target, version = match.groups()
        if version not in (b"1.1", b"1.0"):
            raise H1Error("version is neither 1.0 nor 1.1", 505)
        _check_target(method, target, version)
        del lines[0]
        head = RequestHead(method, target, version, parse_fields(lines))
        if len(block) <= HEAD_MEMO_LENGTH:
            if len(_requests) >= HEAD_MEMO:
                _requests.clear()
            _requests[block] = head
    return head


def _check_target(method: bytes, target: bytes, version: bytes) -> None:
    """RFC 9112 section 3.2: each form with its methods only."""
    if method == b"CONNECT":
        if version == b"1.0" or not _AUTHORITY.fullmatch(target):
            raise H1Error("CONNECT is for HTTP/1.1 and a host and port", version=version)
    elif target[0] != 0x2F and not (target == b"*" and method == b"OPTIONS") and not _ABSOLUTE.fullmatch(target):
        raise H1Error("target is neither a path nor an absolute URI")


def parse_response(block: bytes) -> ResponseHead:
    """A head with its empty line. Raises H1Error."""
    head = _responses.get(block)
    if head is None:
        lines = block[:-4].split(b"\r\n")
        match = _STATUS_LINE.fullmatch(lines[0])
        if match is None:
            raise H1Error("status line is not a version, a status and a reason")
        version, status, reason = match.groups()
        del lines[0]
        head = ResponseHead(int(status), reason or b"", version, parse_fields(lines))
        if len(block) <= HEAD_MEMO_LENGTH:
            if len(_responses) >= HEAD_MEMO:
                _responses.clear()
            _responses[block] = head
    return head

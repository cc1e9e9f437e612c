"""HPACK (RFC 7541) that is fast in the steady state: tables that stand still, look-ups instead of parsing.

Decoding: static and dynamic entries are one list, so an indexed field is one list look-up. Huffman strings are memoised
in one bounded dict for the process. `Decoder.heads` and `Decoder.trailers` are for whoever validates blocks: a block
seen before, with the table unchanged since, means the same list; every change of the table empties them.

Encoding: a dict from whole (name, value) pairs to their bytes, emptied when an insertion moves the indexes. A pair goes
into the table the second time it is seen, so that what does not repeat (paths with ids, request ids) never moves it;
names whose values change by nature are never inserted. Literals are sent plain, not Huffman-coded: 20 % of bytes on a
network of microseconds are worth less than the bit loops in both proxies.

Names that carry secrets are sent as never-indexed literals (RFC 7541 section 7.1.3): many clients share one table.
"""

from typing import Final

from linkerd_proxy.codec.h2 import huffman
from linkerd_proxy.codec.h2.errors import HpackError
from linkerd_proxy.codec.h2.static_table import STATIC, STATIC_NAMES
from linkerd_proxy.codec.headers import Header, Headers

ENTRY_OVERHEAD: Final = 32
FIRST_DYNAMIC: Final = len(STATIC) + 1
INTEGER_BYTES: Final = 5
"""Continuation bytes of an integer: 35 bits are beyond any length or index that can be right."""

HUFFMAN_MEMO: Final = 2_048
HUFFMAN_MEMO_LENGTH: Final = 128
"""Huffman strings remembered in the process, and their largest size: at most half a megabyte."""

BLOCK_MEMO: Final = 64
BLOCK_MEMO_LENGTH: Final = 256
"""Blocks remembered for each connection, and their largest size: some 20 KB when every block differs."""

CODES_MEMO: Final = 256
CODE_LENGTH: Final = 128
SEEN_MEMO: Final = 128
NAMES_MEMO: Final = 512
"""Codes remembered for each connection, their largest size, and pairs seen once: an entry may take a quarter of the
table at most."""

SECRET: Final[frozenset[bytes]] = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))
CHANGING: Final[frozenset[bytes]] = frozenset(
    (
        b"age",
        b"b3",
        b"content-length",
        b"content-range",
        b"date",
        b"etag",
        b"expires",
        b"grpc-timeout",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-unmodified-since",
        b"last-modified",
        b"location",
        b"range",
        b"traceparent",
        b"tracestate",
        b"x-amzn-trace-id",
        b"x-b3-parentspanid",
        b"x-b3-spanid",
        b"x-b3-traceid",
        b"x-correlation-id",
        b"x-request-id",
    )
)
"""Names whose values differ from message to message: inserting them only pushes out what repeats."""

_huffman: dict[bytes, bytes] = {}


class NeverIndexed(tuple[bytes, bytes]):
    """A pair that came as a never-indexed literal and must leave as one (RFC 7541 section 6.2.3).

    Equal to the plain pair; its hash differs, so that the encoder's table of codes keeps the two apart.
    """

    __slots__ = ()

    def __hash__(self) -> int:
        return ~tuple.__hash__(self)

    def __eq__(self, other: object) -> bool:
        return tuple.__eq__(self, other)


def encode_integer(first: int, prefix: int, value: int) -> bytes:
    """RFC 7541 section 5.1; ``first`` holds the bits above the prefix."""
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes((first | value,))
    out = bytearray((first | limit,))
    value -= limit
    while value >= 128:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_integer(block: bytes, i: int, value: int) -> tuple[int, int]:
    """The value and the next position, for an integer whose prefix was all ones (``value``)."""
    for shift in range(0, 7 * INTEGER_BYTES, 7):
        byte = block[i]
        i += 1
        value += (byte & 0x7F) << shift
        if byte < 128:
            return value, i
    raise HpackError("integer is too long")


def decode_string(block: bytes, i: int) -> tuple[bytes, int]:
    """A string literal (RFC 7541 section 5.2) and the next position. IndexError when the block ends before it does."""
    head = block[i]
    length = head & 0x7F
    i += 1
    if length == 0x7F:
        length, i = decode_integer(block, i, length)
    end = i + length
    if end > len(block):
        raise HpackError("string is longer than its block")
    raw = block[i:end]
    if head < 0x80:
        return raw, end
    text = _huffman.get(raw)
    if text is None:
        try:
            text = huffman.decode(raw)
        except huffman.HuffmanError as error:
            raise HpackError("invalid Huffman string") from error
        if length <= HUFFMAN_MEMO_LENGTH:
            if len(_huffman) >= HUFFMAN_MEMO:
                _huffman.clear()
            _huffman[raw] = text
    return text, end


BlockMemo = dict[bytes, tuple[Headers, int, int]]


class Decoder:
    """One direction's table. After a HpackError it must not be used again."""

    __slots__ = ("capacity", "heads", "limit", "size", "stable", "table", "trailers")

    def __init__(self, limit: int = 4_096) -> None:
        self.table: list[Header] = [(b"", b""), *STATIC]
        self.size = 0
        self.capacity = 4_096
        """What the peer's encoder uses now; it starts at 4,096 whatever we asked for."""
        self.limit = max(limit, 4_096)
        """What the peer may use: see `apply_limit`."""
        self.stable = True
        """The last block left the table as it was."""
        self.heads: BlockMemo = {}
        self.trailers: BlockMemo = {}

    def apply_limit(self, limit: int) -> None:
        """The peer acknowledged our HEADER_TABLE_SIZE: its next block must shrink the table when it is larger."""
        self.limit = limit

    def decode(self, block: bytes) -> Headers:
        """The fields of a whole block, of any size: the caller bounds the block. Raises HpackError."""
        try:
            return self._decode(block)
        except IndexError:
            raise HpackError("truncated block or index beyond the table") from None

    def _decode(self, block: bytes) -> Headers:
        self.stable = True
        out: Headers = []
        table = self.table
        i = self._resize(block) if block and (block[0] & 0xE0 == 0x20 or self.capacity > self.limit) else 0
        end = len(block)
        while i < end:
            byte = block[i]
            i += 1
            if byte & 0x80:
                index = byte & 0x7F
                if index == 0x7F:
                    index, i = decode_integer(block, i, index)
                if not index:
                    raise HpackError("index 0")
                out.append(table[index])
                continue
            if byte & 0x40:
                mask = 0x3F
            elif byte & 0x20:
                raise HpackError("table size update after a field")
            else:
                mask = 0x0F
            index = byte & mask
            if index == mask:
                index, i = decode_integer(block, i, index)
            if index:
                name = table[index][0]
            else:
                name, i = decode_string(block, i)
            value, i = decode_string(block, i)
            if byte & 0x40:
                field = (name, value)
                self._insert(field)
            elif byte & 0x10:
                field = NeverIndexed((name, value))
            else:
                field = (name, value)
            out.append(field)
        return out

    def _resize(self, block: bytes) -> int:
        """Takes the size updates at the head of a block (RFC 7541 section 4.2); the position after them."""
        i = 0
        for _ in range(2):
            if i == len(block) or block[i] & 0xE0 != 0x20:
                break
            capacity = block[i] & 0x1F
            i += 1
            if capacity == 0x1F:
                capacity, i = decode_integer(block, i, capacity)
            if capacity > self.limit:
                raise HpackError(f"table size {capacity} is above {self.limit}")
            if capacity != self.capacity:
                self.capacity = capacity
                self._evict(0)
        if self.capacity > self.limit:
            raise HpackError("the table was not shrunk to the size that was acknowledged")
        return i

    def _insert(self, field: Header) -> None:
        need = len(field[0]) + len(field[1]) + ENTRY_OVERHEAD
        if self.size + need > self.capacity:
            self._evict(need)
        if need <= self.capacity:
            self.table.insert(FIRST_DYNAMIC, field)
            self.size += need
        self._changed()

    def _evict(self, need: int) -> None:
        table = self.table
        while len(table) > FIRST_DYNAMIC and self.size + need > self.capacity:
            name, value = table.pop()
            self.size -= len(name) + len(value) + ENTRY_OVERHEAD
        self._changed()

    def _changed(self) -> None:
        self.stable = False
        if self.heads:
            self.heads.clear()
        if self.trailers:
            self.trailers.clear()


def _name_head(first: int, prefix: int, name: bytes) -> bytes:
    index = STATIC_NAMES.get(name)
    if index:
        return encode_integer(first, prefix, index)
    return bytes((first,)) + encode_integer(0, 7, len(name)) + name


def _plain_literal(name: bytes, value: bytes) -> bytes:
    """Without indexing: what every message has that does not repeat, so names are remembered."""
    head = _plain_names.get(name)
    if head is None:
        head = _name_head(0x00, 4, name)
        if len(name) <= CODE_LENGTH:
            if len(_plain_names) >= NAMES_MEMO:
                _plain_names.clear()
            _plain_names[name] = head
    n = len(value)
    return head + (_ONE_BYTE[n] if n < 127 else encode_integer(0, 7, n)) + value


def _literal(first: int, prefix: int, name: bytes, value: bytes) -> bytes:
    return _name_head(first, prefix, name) + encode_integer(0, 7, len(value)) + value


_ONE_BYTE: Final = [bytes((n,)) for n in range(127)]
_plain_names: dict[bytes, bytes] = {}
_STATIC_CODES: Final[dict[Header, bytes]] = {field: encode_integer(0x80, 7, i) for i, field in enumerate(STATIC, 1)}


class Encoder:
    """One direction's table; ``limit`` bounds it even when the peer allows more."""

    __slots__ = ("_announce", "_codes", "_entries", "_inserted", "_look_up", "_seen", "capacity", "limit", "size")

    def __init__(self, limit: int = 4_096) -> None:
        self.limit = limit
        self.capacity = min(limit, 4_096)
        self.size = 0
        self._announce: int | None = self.capacity if self.capacity < 4_096 else None
        """The smallest capacity since the last block, when the peer has to be told (RFC 7541 section 4.2)."""
        self._entries: dict[Header, int] = {}
        """The dynamic table, oldest first: a pair's number of insertion."""
        self._inserted = 0
        self._seen: dict[Header, None] = {}
        self._codes: dict[Header, bytes] = {}
        self._look_up = self._codes.__getitem__

    def resize(self, allowed: int) -> None:
        """The peer's HEADER_TABLE_SIZE changed."""
        capacity = min(allowed, self.limit)
        if capacity == self.capacity:
            return
        self._announce = capacity if self._announce is None else min(self._announce, capacity)
        self.capacity = capacity
        self._evict(0)
        self._codes.clear()

    def encode(self, headers: Headers) -> bytes:
        try:
            return b"".join(map(self._look_up, headers))
        except KeyError:
            return self._encode(headers)

    def _encode(self, headers: Headers) -> bytes:
        out: list[bytes] = []
        if self._announce is not None:
            if self._announce < self.capacity:
                out.append(encode_integer(0x20, 5, self._announce))
            out.append(encode_integer(0x20, 5, self.capacity))
            self._announce = None
        known = self._codes.get
        out += [known(field) or self._encode_field(field) for field in headers]
        return b"".join(out)

    def _encode_field(self, field: Header) -> bytes:
        code = _STATIC_CODES.get(field)
        if code is None:
            number = self._entries.get(field)
            if number is not None:
                code = encode_integer(0x80, 7, FIRST_DYNAMIC + self._inserted - number - 1)
            else:
                name, value = field
                if type(field) is NeverIndexed or name in SECRET:
                    code = _literal(0x10, 4, name, value)
                elif name in CHANGING or 4 * (len(name) + len(value) + ENTRY_OVERHEAD) > self.capacity:
                    code = _plain_literal(name, value)
                elif field in self._seen:
                    return self._insert(field)
                else:
                    self._remember(field)
                    return _plain_literal(name, value)
        if len(code) <= CODE_LENGTH:
            if len(self._codes) >= CODES_MEMO:
                self._codes.clear()
            self._codes[field] = code
        return code

    def _remember(self, field: Header) -> None:
        """Its next sight puts it into the table."""
        if len(self._seen) >= SEEN_MEMO:
            self._seen.clear()
        self._seen[field] = None

    def _insert(self, field: Header) -> bytes:
        name, value = field
        del self._seen[field]
        self._evict(len(name) + len(value) + ENTRY_OVERHEAD)
        self.size += len(name) + len(value) + ENTRY_OVERHEAD
        self._entries[field] = self._inserted
        self._inserted += 1
        self._codes.clear()
        return _literal(0x40, 6, name, value)

    def _evict(self, need: int) -> None:
        entries = self._entries
        while entries and self.size + need > self.capacity:
            field = next(iter(entries))
            del entries[field]
            self.size -= len(field[0]) + len(field[1]) + ENTRY_OVERHEAD

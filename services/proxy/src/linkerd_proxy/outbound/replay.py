"""A request's body, kept so that it can be sent again.

Bounded: a body that grows beyond the limit is let go, and the request can be sent once only.
"""

from linkerd_proxy.codec.headers import Headers


class Replay:
    """`parts` is None where there is nothing to send again: no retries, or too large a body."""

    __slots__ = ("_most", "credited", "parts", "size")

    def __init__(self, most: int | None) -> None:
        """`most`: bytes to keep at most; None: there will be no other attempt."""
        self._most = most
        self.parts: list[bytes | Headers] | None = None if most is None else []
        self.size = 0
        """Bytes of the body so far."""
        self.credited = 0
        """Bytes that the client was told of as consumed, whichever attempt took them."""

    def keep(self, part: bytes | Headers) -> None:
        """Some of the body, or its trailers."""
        if self.parts is None or self._most is None:
            return
        if isinstance(part, bytes):
            self.size += len(part)
        if self.size > self._most:
            self.parts = None
        else:
            self.parts.append(part)

    def drop(self) -> None:
        """There will be no other attempt."""
        self.parts = None

    def credit(self, taken: int) -> int:
        """What is new of what an attempt has taken so far: a later attempt takes the same bytes again."""
        new = taken - self.credited
        if new <= 0:
            return 0
        self.credited = taken
        return new

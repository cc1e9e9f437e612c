"""What happens once per turn of the event loop: one clock reading per read callback, one flush of what was written.

Connections that have output mark themselves; the first of a turn posts `call_soon`, which runs after every ready
socket was read. So one write, one TLS record and one system call carry what many clients sent: flushing at the end of
each read callback instead halved HTTP/1 in the prototypes.
"""

import asyncio
from time import monotonic
from typing import Protocol


class Flushable(Protocol):
    """A connection with pending output."""

    def flush(self) -> None:
        """Write all of it."""


class Turn:
    """One per event loop. `now` is monotonic seconds, as of the latest read callback."""

    __slots__ = ("_dirty", "loop", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.now = monotonic()
        self._dirty: list[Flushable] = []

    def mark(self, connection: Flushable) -> None:
        """Flush `connection` at the end of this turn. Callers mark once per turn (when output becomes non-empty)."""
        dirty = self._dirty
        if not dirty:
            self.loop.call_soon(self._flush)
        dirty.append(connection)

    def read(self) -> float:
        """Take the time: at the start of every read callback."""
        self.now = now = monotonic()
        return now

    def _flush(self) -> None:
        # A flush may produce output elsewhere (credits): that is the next turn's.
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

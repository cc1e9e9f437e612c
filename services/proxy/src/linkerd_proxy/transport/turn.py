"""What happens once per turn of the event loop: one clock reading per read callback, one flush of what was written, one
piece of long work.

Connections that have output mark themselves; the first of a turn posts `call_soon`, which runs after every ready
socket was read. So one write, one TLS record and one system call carry what many clients sent: flushing at the end of
each read callback instead halved HTTP/1 in the prototypes.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol


class Flushable(Protocol):
    """A connection with pending output."""

    def flush(self) -> None:
        """Write all of it."""


class Turn:
    """One per event loop. `now` is monotonic seconds, as of the latest read callback."""

    __slots__ = ("_dirty", "_long", "_taken", "loop", "now")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.now = monotonic()
        self._dirty: list[Flushable] = []
        self._long: deque[Callable[[], None]] = deque()
        self._taken = False

    def mark(self, connection: Flushable) -> None:
        """Flush `connection` at the end of this turn. Callers mark once per turn (when output becomes non-empty)."""
        dirty = self._dirty
        if not dirty:
            self.loop.call_soon(self._flush)
        dirty.append(connection)

    def alone(self, work: Callable[[], None]) -> None:
        """Do what takes long, now or in a later turn: one a turn, so that established connections are served between.

        A step of a TLS handshake is up to a millisecond: sixty clients that connect at once would stop all others for
        that long together.
        """
        if self._taken:
            self._long.append(work)
            return
        self._taken = True
        self.loop.call_soon(self._next)
        work()

    def read(self) -> float:
        """Take the time: at the start of every read callback."""
        self.now = now = monotonic()
        return now

    def _flush(self) -> None:
        # A flush may produce output elsewhere (credits): that is the next turn's.
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    def _next(self) -> None:
        if not self._long:
            self._taken = False
            return
        self.loop.call_soon(self._next)
        self._long.popleft()()

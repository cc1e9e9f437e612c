"""Messages between the first worker and a follower: JSON, one on a line, over a socket pair."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec

from linkerd_contract import codec
from linkerd_contract.tap import TapEvent, TapRequest
from linkerd_runtime.certify import Credentials

LIMIT = 64 << 20
"""Bytes of one message: 4,000 series of every family are far below."""


class ToFollower(msgspec.Struct, omit_defaults=True):
    """What the first worker says; one of these is set."""

    credentials: Credentials | None = None
    log_level: str | None = None
    drain: bool = False
    ask: int = 0
    """The number of a question, for the answer."""
    what: str = ""
    tap: int = 0
    """The number of a tap that begins with this request, or ends where there is none."""
    request: TapRequest | None = None


class ToLeader(msgspec.Struct, omit_defaults=True):
    """What a follower says; one of these is set."""

    ready: bool = False
    answers: int = 0
    """The number of the question."""
    text: str | None = None
    tap: int = 0
    """The number of the tap that these events are of."""
    events: list[TapEvent] = []


class Channel:
    """One end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, sock: socket.socket) -> "Channel":
        """The end that is this socket."""
        return cls(*await asyncio.open_connection(sock=sock, limit=LIMIT))

    def send(self, message: ToFollower | ToLeader) -> None:
        """Never waits: there are few messages, and the other end is read all the time."""
        if not self._writer.is_closing():
            self._writer.write(codec.encode(message) + b"\n")

    async def drain(self) -> None:
        """Until the other end has read most of what was sent: for what there may be much of. Ends when it is gone."""
        with suppress(ConnectionError):
            await self._writer.drain()

    async def to_follower(self) -> AsyncIterator[ToFollower]:
        """What the first worker says, until it is gone."""
        while line := await self._line():
            yield codec.decode(line, ToFollower)

    async def to_leader(self) -> AsyncIterator[ToLeader]:
        """What the follower says, until it is gone."""
        while line := await self._line():
            yield codec.decode(line, ToLeader)

    def close(self) -> None:
        """No more."""
        self._writer.close()

    async def _line(self) -> bytes:
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return b""
        return line if line.endswith(b"\n") else b""

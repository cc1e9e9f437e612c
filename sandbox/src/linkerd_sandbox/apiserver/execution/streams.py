"""Exec over SPDY: the client opens a stream for each of error, stdin, stdout, stderr and resize."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from linkerd_sandbox.apiserver.execution import session
from linkerd_sandbox.apiserver.execution.session import Session, Start
from linkerd_sandbox.apiserver.portforward import spdy

PROTOCOL: Final = "v4.channel.k8s.io"
_CHANNELS: Final = {
    "stdin": session.STDIN,
    "stdout": session.STDOUT,
    "stderr": session.STDERR,
    "error": session.ERROR,
    "resize": session.RESIZE,
}


class ExecStreams:
    """One session; the command starts when the client has opened every stream that it asked for."""

    def __init__(self, expected: set[str], start: Start, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._expected = {_CHANNELS[name] for name in expected}
        self._write = send
        self._spdy = spdy.Session()
        self._session = Session(start, self._send)
        self._streams: dict[int, int] = {}
        """Channel -> stream."""
        self._complete = asyncio.Event()

    async def run(self) -> None:
        """Waits for the streams, then runs the command to its end, and ends the streams."""
        await self._complete.wait()
        await self._session.run()
        for stream in self._streams.values():
            await self._write(spdy.data(stream, b"", fin=True))

    async def _send(self, channel: int, data: bytes) -> None:
        if channel in self._streams:
            await self._write(spdy.data(self._streams[channel], data))

    async def feed(self, raw: bytes) -> None:
        """Take bytes from the client. Raises `spdy.ProtocolError`."""
        for event in self._spdy.feed(raw):
            match event:
                case spdy.Opened(stream, headers, _):
                    channel = _CHANNELS.get(headers.get("streamtype", ""))
                    if channel is None:
                        await self._write(spdy.reset(stream))
                        continue
                    self._streams[channel] = stream
                    await self._write(self._spdy.reply(stream))
                    if self._expected <= self._streams.keys():
                        self._complete.set()
                case spdy.Data(stream, payload, fin):
                    await self._data(stream, payload, fin=fin)
                case spdy.Ping(number):
                    await self._write(spdy.ping(number))

    async def _data(self, stream: int, payload: bytes, *, fin: bool) -> None:
        channel = next((one for one, number in self._streams.items() if number == stream), None)
        if channel is not None:
            await self._session.feed(channel, payload)
            if fin:
                await self._session.end(channel)

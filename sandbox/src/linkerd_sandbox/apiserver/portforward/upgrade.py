"""HTTP upgrade to SPDY/3.1: after the 101 the connection is a pipe of bytes.

aiohttp hands the bytes of an upgraded connection to a parser object, as it does for WebSockets; ours queues them.
"""

import asyncio

from aiohttp import web

_PAUSE_AT = 1 << 20


class Pipe:
    """Bytes of an upgraded connection, in the form that aiohttp feeds a parser."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting = 0
        self._paused = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by aiohttp with received bytes."""
        self._chunks.put_nowait(bytes(data))
        self._waiting += len(data)
        if self._waiting > _PAUSE_AT and not self._paused and self._request.transport is not None:
            self._paused = True
            self._request.transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        """Called by aiohttp when the client has gone."""
        self._chunks.put_nowait(b"")

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        data = await self._chunks.get()
        self._waiting -= len(data)
        if self._paused and self._waiting < _PAUSE_AT // 2 and self._request.transport is not None:
            self._paused = False
            self._request.transport.resume_reading()
        return data


class Switched(web.StreamResponse):
    """A 101 answer, after which the connection is raw."""

    _length_check = False  # as in WebSocketResponse: what follows is no body

    def __init__(self, protocol: str) -> None:
        headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": protocol}
        super().__init__(status=101, headers=headers)

    async def open(self, request: web.BaseRequest) -> Pipe:
        """Send the answer, and take the connection over."""
        pipe = Pipe(request)
        request.protocol.set_parser(pipe)  # type: ignore[arg-type]
        await self.prepare(request)
        return pipe


async def send(request: web.BaseRequest, data: bytes) -> None:
    """Write raw bytes, and wait while the client does not read. Raises ConnectionError."""
    transport = request.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client has gone")
    transport.write(data)
    await request.protocol._drain_helper()

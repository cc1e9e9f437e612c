"""Exec over WebSocket messages that begin with a channel number.

With v5.channel.k8s.io a message `255, N` ends channel N, which is how the end of standard input is told.

kubectl 1.30 to 1.32 reads messages before it has made its streams, and throws away what comes on a channel that it
does not know yet (kubernetes/kubernetes#131189). A command that fails at once would lose its only message to that: so
the first one is sent when the client has answered a ping, which its reader does.
"""

import asyncio
import contextlib
from typing import Final

from aiohttp import WSMsgType, web

from linkerd_sandbox.apiserver.execution.session import Session, Start

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_CLOSE: Final = 255
_PATIENCE: Final = 10.0
"""Seconds that a client has to answer a ping; one that answers none is served all the same."""


async def serve(socket: web.WebSocketResponse, start: Start) -> None:
    """Until the command has ended or the client has gone. The socket leaves pings to us (`autoping=False`)."""
    reading = asyncio.Event()
    session = Session(start, lambda channel, data: socket.send_bytes(bytes([channel]) + data))

    async def run() -> None:
        await socket.ping()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await reading.wait()
        await session.run()

    both = [asyncio.create_task(_read(socket, session, reading)), asyncio.create_task(run())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _read(socket: web.WebSocketResponse, session: Session, reading: asyncio.Event) -> None:
    async for message in socket:
        if message.type is WSMsgType.PONG:
            reading.set()
        elif message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is WSMsgType.BINARY and message.data:
            channel, rest = message.data[0], message.data[1:]
            if channel == _CLOSE and rest:
                await session.end(rest[0])
            else:
                await session.feed(channel, rest)

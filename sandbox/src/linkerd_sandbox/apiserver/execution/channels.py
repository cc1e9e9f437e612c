"""Exec over WebSocket messages that begin with a channel number.

With v5.channel.k8s.io a message `255, N` ends channel N, which is how the end of standard input is told.
"""

import asyncio
from typing import Final

from aiohttp import WSMsgType, web

from linkerd_sandbox.apiserver.execution.session import Session, Start

PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_CLOSE: Final = 255


async def serve(socket: web.WebSocketResponse, start: Start) -> None:
    """Until the command has ended or the client has gone."""
    session = Session(start, lambda channel, data: socket.send_bytes(bytes([channel]) + data))
    both = [asyncio.create_task(_read(socket, session)), asyncio.create_task(session.run())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _read(socket: web.WebSocketResponse, session: Session) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, rest = message.data[0], message.data[1:]
        if channel == _CLOSE and rest:
            await session.end(rest[0])
        else:
            await session.feed(channel, rest)

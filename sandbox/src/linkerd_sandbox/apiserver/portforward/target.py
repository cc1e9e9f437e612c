"""The pod's side of a forwarded connection: dial, and copy both ways."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from linkerd_sandbox.apiserver.node import NodeBackend

CHUNK = 32 << 10
_WAITING = 64


@dataclass(frozen=True, slots=True)
class Target:
    """A pod on the node."""

    node: NodeBackend
    namespace: str
    pod: str
    uid: str

    async def dial(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection. Raises OSError."""
        return await self.node.dial(self.namespace, self.pod, port)

    def refusal(self, port: int, error: BaseException) -> str:
        """The failure in the words of the kubelet."""
        return f"error forwarding port {port} to pod {self.uid}, uid : {error}"


class Inbox:
    """Bytes from the client for one connection; bounded, so that a slow pod slows the client down."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)

    async def put(self, data: bytes) -> None:
        """Hand over bytes."""
        if data:
            await self._queue.put(data)

    async def end(self) -> None:
        """The client will send no more."""
        await self._queue.put(None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            data = await self._queue.get()
            if data is None:
                return
            yield data


async def copy_both_ways(
    inbox: Inbox,
    send: Callable[[bytes], Awaitable[None]],
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Copy until the pod has closed its side; the end of the client's side is passed on. Raises OSError."""
    reader, writer = connection

    async def inward() -> None:
        async for data in inbox:
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    pump = asyncio.create_task(inward())
    try:
        while data := await reader.read(CHUNK):
            await send(data)
    finally:
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)
        writer.close()

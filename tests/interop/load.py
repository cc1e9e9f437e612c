"""All protocols at once for a while: `python -m tests.interop.load SECONDS HOST` in the clients' pod.

Prints one line of JSON: how often each kind of work was done, and every failure. What is under way when the time is
over is finished first, so there is no failure to explain away.
"""

# grpc-stubs do not know the defaults and generics of grpc.aio.
# mypy: disable-error-code="arg-type, attr-defined, call-arg, type-arg"

from __future__ import annotations

import asyncio
import json
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable

import grpc
from tests.interop import servers
from websockets.asyncio.client import connect

DEADLINE = 20.0
BODY = b"x" * 20_000
STORM = 40
PAUSE = 0.02


class Load:
    """What was done, and what went wrong."""

    def __init__(self, host: str, seconds: float) -> None:
        self._host = host
        self._end = time.monotonic() + seconds
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return time.monotonic() >= self._end or len(self.failures) > 20

    async def run(self) -> None:
        """Everything at once."""
        kinds = [self.http1] * 4 + [self.storm] + [self.rpc] * 3 + [self.chat, self.websocket]
        kinds += [self.opaque] * 2 + [self.held]
        await asyncio.gather(*[self._work(kind) for kind in kinds])

    async def _work(self, kind: Callable[[], Awaitable[None]]) -> None:
        while not self.over:
            try:
                await kind()
            except Exception:  # noqa: BLE001 - reported as they are
                self.failures.append(f"{kind.__name__} after {sum(self.done.values())}: {traceback.format_exc()}")

    def _count(self, name: str) -> None:
        self.done[name] += 1

    async def _http(self, request: bytes, times: int = 1) -> None:
        """Ask so often on one connection, and see that the answer is the right one."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection(self._host, servers.HTTP1), DEADLINE)
        try:
            for _ in range(times):
                writer.write(request)
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
                assert head.startswith(b"HTTP/1.1 200 "), head
                (length,) = (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:")
                said = await asyncio.wait_for(reader.readexactly(length), DEADLINE)
                assert said.startswith(request.split(b" HTTP")[0]), said
                self._count("http1")
                if self.over:
                    break
                await asyncio.sleep(PAUSE)
        finally:
            writer.close()

    async def http1(self) -> None:
        """Keep-alive, with and without a body."""
        await self._http(b"GET /a HTTP/1.1\r\nHost: voting\r\n\r\n", 50)
        chunk = b"%x\r\n%b\r\n" % (len(BODY), BODY)
        await self._http(
            b"PUT /c HTTP/1.1\r\nHost: voting\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + b"0\r\n\r\n", 20
        )
        await self._http(b"POST /b HTTP/1.1\r\nHost: voting\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY), 20)

    async def storm(self) -> None:
        """Many connections at once, each for one request."""
        request = b"GET /storm HTTP/1.1\r\nHost: voting\r\nConnection: close\r\n\r\n"
        await asyncio.gather(*[self._http(request) for _ in range(STORM)])
        self._count("storms")
        await asyncio.sleep(1.0)

    async def rpc(self) -> None:
        """Unary calls and a stream from the server, on a connection of their own."""
        async with grpc.aio.insecure_channel(
            f"{self._host}:{servers.GRPC}", options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            for _ in range(50):
                assert await channel.unary_unary("/i/Echo")(BODY, timeout=DEADLINE) == BODY
                self._count("grpc")
                await asyncio.sleep(PAUSE)
                if self.over:
                    return
            count = 0
            async for _ in channel.unary_stream("/i/Count")(b"300", timeout=DEADLINE):
                count += 1
            assert count == 300
            self._count("grpc streams")

    async def chat(self) -> None:
        """One stream both ways, held open."""
        async with grpc.aio.insecure_channel(f"{self._host}:{servers.GRPC}") as channel:
            call = channel.stream_stream("/i/Chat")()
            while not self.over:
                await call.write(b"turn")
                assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: turn"
                self._count("turns")
                await asyncio.sleep(0.1)
            await call.done_writing()
            assert await call.code() is grpc.StatusCode.OK

    async def websocket(self) -> None:
        """One connection, held open."""
        async with connect(f"ws://{self._host}:{servers.WEBSOCKET}/") as connection:
            while not self.over:
                await connection.send("hello")
                assert await asyncio.wait_for(connection.recv(), DEADLINE) == "hello"
                self._count("websocket messages")
                await asyncio.sleep(0.1)

    async def _greeted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(self._host, servers.OPAQUE), DEADLINE)
        assert await asyncio.wait_for(reader.readexactly(len(servers.GREETING)), DEADLINE) == servers.GREETING
        return reader, writer

    async def opaque(self) -> None:
        """A connection that carries something, half-closes, and gets all of it back."""
        reader, writer = await self._greeted()
        try:
            writer.write(BODY * 10)
            writer.write_eof()
            assert len(await asyncio.wait_for(reader.read(-1), DEADLINE)) == 10 * len(BODY)
            self._count("opaque connections")
            await asyncio.sleep(PAUSE)
        finally:
            writer.close()

    async def held(self) -> None:
        """One opaque connection, held open."""
        reader, writer = await self._greeted()
        try:
            while not self.over:
                writer.write(b"still here")
                assert await asyncio.wait_for(reader.readexactly(10), DEADLINE) == b"still here"
                self._count("opaque turns")
                await asyncio.sleep(0.1)
        finally:
            writer.close()


async def main() -> None:
    """Load, then report."""
    load = Load(sys.argv[2], float(sys.argv[1]))
    await load.run()
    print(json.dumps({"done": load.done, "failures": load.failures}))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())

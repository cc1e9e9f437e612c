"""A command's streams and its end, whichever protocol carries them.

Channels as in k8s.io/apimachinery/pkg/util/remotecommand: 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize. The error
channel carries one `Status` when the command has ended.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from linkerd_sandbox.apiserver.node import Execution, ExecutionFailed
from linkerd_sandbox.apiserver.objects import JsonObject, decode, dig, encode

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
CHUNK: Final = 32 << 10
Send = Callable[[int, bytes], Awaitable[None]]
"""Sends bytes on a channel."""
Start = Callable[[], Awaitable[Execution]]


def ended(code: int) -> JsonObject:
    """The `Status` of a command's end, which kubectl turns into its own exit code."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(message: str) -> JsonObject:
    """The `Status` of a command that did not come to run."""
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "InternalError",
        "message": f"Internal error occurred: error executing command in container: {message}",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }


class Session:
    """One exec. Feed it what the client sends; `run` ends with the command."""

    def __init__(self, start: Start, send: Send) -> None:
        self._start = start
        self._send = send
        self._inbox: asyncio.Queue[tuple[int, bytes | None]] = asyncio.Queue(64)

    async def feed(self, channel: int, data: bytes) -> None:
        """Bytes from the client."""
        if data and channel in (STDIN, RESIZE):
            await self._inbox.put((channel, data))

    async def end(self, channel: int) -> None:
        """The client will send no more on a channel."""
        if channel == STDIN:
            await self._inbox.put((channel, None))

    async def run(self) -> None:
        """From start to the Status on the error channel. Cancelling kills the command."""
        try:
            execution = await self._start()
        except ExecutionFailed as error:
            await self._send(ERROR, encode(failed(str(error))))
            return
        inward = asyncio.create_task(self._inward(execution))
        try:
            outputs = [(STDOUT, execution.stdout), (STDERR, execution.stderr)]
            await asyncio.gather(*(self._outward(channel, reader) for channel, reader in outputs if reader is not None))
            code = await execution.wait()
        finally:
            inward.cancel()
            await asyncio.gather(inward, return_exceptions=True)
            execution.close()
        await self._send(ERROR, encode(ended(code)))

    async def _outward(self, channel: int, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):  # a terminal ends with EIO
            while data := await reader.read(CHUNK):
                await self._send(channel, data)

    async def _inward(self, execution: Execution) -> None:
        while True:
            channel, data = await self._inbox.get()
            if channel == RESIZE:
                size = _size(data or b"")
                if size is not None:
                    execution.resize(*size)
            else:
                with contextlib.suppress(OSError):  # the command reads no more
                    await execution.write(data)


def _size(data: bytes) -> tuple[int, int] | None:
    """(columns, rows) of a resize message: `{"Width":80,"Height":24}`."""
    try:
        value = decode(data)
    except msgspec.DecodeError:
        return None
    width, height = dig(value, "Width"), dig(value, "Height")
    fits = isinstance(width, int) and isinstance(height, int) and 0 < width < 1 << 16 and 0 < height < 1 << 16
    return (width, height) if fits else None

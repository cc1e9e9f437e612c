"""Free ports on loopback, and waiting for conditions with a deadline instead of sleeping for luck."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar, overload

T = TypeVar("T")

DEADLINE_SECONDS = 10.0
_STEP_SECONDS = 0.01


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now. Prefer port 0 and asking the listener, where that is possible."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


@overload
async def eventually(condition: Callable[[], Awaitable[T]], *, seconds: float = ..., what: str = ...) -> T: ...


@overload
async def eventually(condition: Callable[[], T], *, seconds: float = ..., what: str = ...) -> T: ...


async def eventually(
    condition: Callable[[], object], *, seconds: float = DEADLINE_SECONDS, what: str = "the condition"
) -> object:
    """The first true value of a condition, plain or awaitable. Raises TimeoutError with what it last was."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        value = await result if isinstance(result, Awaitable) else result
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {seconds:g} s; it was {value!r}")
        await asyncio.sleep(_STEP_SECONDS)


async def listening(port: int, host: str = "127.0.0.1", *, seconds: float = DEADLINE_SECONDS) -> None:
    """Wait until something accepts connections. Raises TimeoutError."""

    async def connects() -> bool:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    await eventually(connects, seconds=seconds, what=f"a listener on {host}:{port}")

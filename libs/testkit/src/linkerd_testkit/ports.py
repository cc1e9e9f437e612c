"""Free ports on loopback, and waiting for conditions with a deadline instead of sleeping for luck."""

import asyncio
import random
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar, overload

T = TypeVar("T")

DEADLINE_SECONDS = 30.0
"""Of every wait. Met in milliseconds where all is well, so it costs nothing that it is long enough for a machine that
stands still for seconds now and then."""
_STEP_SECONDS = 0.01


_FIRST_PORT = 10_000
_random = random.SystemRandom()  # of its own: who seeds the other one must not get the same ports again


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now. Prefer port 0 and asking the listener, where that is possible.

    It is below those that the kernel gives to clients and to port 0, one of which might have it by the time that it is
    used; and where nobody listens, no connection can meet itself.
    """
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _random.randrange(_FIRST_PORT, below) if below > 2 * _FIRST_PORT else 0
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found


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

"""The first bytes of a connection, read before it is known what it speaks, and handing it on with them.

`decide` gets all bytes so far and why it is asked; it answers True once it has given the transport to another protocol
(`hand_over`), or closed it, and False to wait for more.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import cast

from linkerd_proxy.transport.relay import End
from linkerd_proxy.transport.wheel import Timer, Wheel


class Why(Enum):
    """Why a decision is asked for."""

    data = "data"
    timeout = "timeout"
    """No (more) bytes within the detection timeout."""
    eof = "eof"
    """The client has ended its side."""


Decide = Callable[[asyncio.Transport, bytes, Why], bool]


def hand_over(transport: asyncio.Transport, protocol: asyncio.Protocol | End, received: bytes = b"") -> None:
    """Make `protocol` the transport's, with what was already read."""
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    if received:
        protocol.data_received(received)


class FirstRead(asyncio.Protocol):
    """The protocol of a connection until `decide` is done."""

    def __init__(self, wheel: Wheel, timeout: float, decide: Decide, on_lost: Callable[[], None]) -> None:
        """`timeout` in seconds; `on_lost`: the connection went away undecided."""
        self._wheel = wheel
        self._timeout = timeout
        self._decide = decide
        self._on_lost = on_lost
        self._received = b""
        self._done = False
        self._timer: Timer | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._timer = self._wheel.after(self._timeout, self._timed_out)

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        self._ask(Why.data)

    def eof_received(self) -> bool:
        self._ask(Why.eof)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done:
            self._finish()
            self._on_lost()

    def _timed_out(self) -> None:
        if not self._done:
            self._ask(Why.timeout)

    def _ask(self, why: Why) -> None:
        # Done before the decision: it may feed the next protocol, which may close the transport.
        received = self._received
        if self._decide(self._transport, received, why):
            self._finish()
        elif why is not Why.data:
            self._finish()
            self._transport.close()
            self._on_lost()

    def _finish(self) -> None:
        self._done = True
        self._received = b""
        if self._timer is not None:
            self._timer.cancel()

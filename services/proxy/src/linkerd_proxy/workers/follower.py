"""A follower's side: what the first worker says is done, what it asks is answered."""

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from linkerd_contract.tap import TapEvent, TapRequest
from linkerd_proxy.workers.channel import Channel, ToLeader
from linkerd_runtime.certify import Credentials

Answers = Mapping[str, Callable[[], bytes]]
EVENTS_AT_ONCE = 50
"""Of a tap, in one message: with the longest heads some MB."""


class Orders(NamedTuple):
    """What is done when the first worker says so."""

    credentials: Callable[[Credentials], None]
    log_level: Callable[[str], None]
    stop: Callable[[], None]
    tap: Callable[[int, TapRequest | None], None]
    """The tap of this number begins, or, without a request, ends."""


class Leader:
    """The first worker, as a follower sees it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._channel: Channel | None = None

    async def connect(self) -> None:
        """Before anything else."""
        self._channel = await Channel.of(self._sock)

    async def follow(self, orders: Orders, answers: Answers) -> None:
        """Until the first worker is gone; then, as when it says so, this process is asked to stop."""
        channel = self._connected()
        try:
            async for message in channel.to_follower():
                if message.credentials is not None:
                    orders.credentials(message.credentials)
                elif message.log_level is not None:
                    orders.log_level(message.log_level)
                elif message.drain:
                    orders.stop()
                elif message.tap:
                    orders.tap(message.tap, message.request)
                elif message.ask:
                    answer = answers.get(message.what)
                    channel.send(ToLeader(answers=message.ask, text=answer().decode() if answer else None))
        finally:
            channel.close()
            orders.stop()

    async def tapped(self, number: int, events: Sequence[TapEvent]) -> None:
        """Tell the first worker what a tap has seen. Waits while it does not read."""
        channel = self._connected()
        for begin in range(0, len(events), EVENTS_AT_ONCE):
            channel.send(ToLeader(tap=number, events=list(events[begin : begin + EVENTS_AT_ONCE])))
            await channel.drain()

    def ready(self) -> None:
        """Tell that this worker listens."""
        self._connected().send(ToLeader(ready=True))

    def _connected(self) -> Channel:
        if self._channel is None:
            raise RuntimeError("not connected yet")
        return self._channel


def from_descriptor(descriptor: int) -> Leader:
    """Of the socket that the first worker left to this process. Raises OSError."""
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return Leader(sock)

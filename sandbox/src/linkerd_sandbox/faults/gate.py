"""What stands between a part of the cluster and those it talks to: nothing, or a fault.

Each request passes its part's gate. `cut` is what ends the connections that are open already: a partition or a kill
that spared a watch would be none.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final

ACTIONS: Final = ("pause", "partition", "delay", "loss")


class Severed(ConnectionError):
    """The request is lost to a fault that somebody asked for."""


class Gate:
    """Of one part."""

    def __init__(self, draw: Callable[[], float] = random.random) -> None:
        self._draw = draw
        self._action = ""
        self._amount = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self.cut: Callable[[], None] = lambda: None

    @property
    def faulty(self) -> bool:
        return bool(self._action)

    def set(self, action: str, amount: float = 0.0) -> None:
        """One fault at a time; "" is none. `amount`: seconds of delay, or the share that is lost."""
        self._action, self._amount = action, amount
        if action == "pause":
            self._open.clear()
        else:
            self._open.set()
        if action in ("pause", "partition"):
            self.cut()

    async def enter(self) -> None:
        """Waits or fails as the fault says. Raises Severed."""
        await self._open.wait()
        if self._action == "delay":
            await asyncio.sleep(self._amount)
        if self._action == "partition" or (self._action == "loss" and self._draw() < self._amount):
            raise Severed("cut off by `linkerd sandbox chaos`")

"""How many requests of one direction are under way at most; what comes above is shed (503), as Linkerd does.

A request costs an addition and a comparison: the tally only grows, so it is never below the truth, and the truth is
counted, connection by connection, when the tally reaches the limit. Counting is rationed by its own cost: ten
microseconds must have passed for each connection since the last time, of which it takes a hundredth.
"""

from typing import Final

from linkerd_proxy.http.connections import Connections
from linkerd_proxy.transport.turn import Turn

PACE: Final = 1e-5
"""Seconds for each connection between two counts."""


class InFlight:
    """The limit of the connections of one listener."""

    __slots__ = ("_connections", "_counted", "_limit", "_tally", "_turn")

    def __init__(self, limit: int, connections: Connections, turn: Turn) -> None:
        self._limit = limit
        self._connections = connections
        self._turn = turn
        self._tally = 0
        self._counted = 0.0

    def admit(self) -> bool:
        """Whether one more request, which its connection counts already, may go on."""
        self._tally += 1
        return self._tally <= self._limit or self._count() <= self._limit

    def _count(self) -> int:
        now = self._turn.now
        if now - self._counted >= PACE * len(self._connections):
            self._counted = now
            self._tally = sum([connection.in_flight for connection in self._connections])
        return self._tally

"""The connections of one listener that are open, so that a drain can reach them all."""

from collections.abc import Callable, Iterator
from typing import Protocol


class Drainable(Protocol):
    """An accepted connection."""

    @property
    def in_flight(self) -> int:
        """Requests that are under way on it."""

    def drain(self) -> None:
        """End when what is under way has ended. One that is only beginning answers its first request before."""

    def kill(self) -> None:
        """End now."""


class Connections:
    """All of them."""

    def __init__(self) -> None:
        self._open: set[Drainable] = set()
        self._draining = False
        self._when_empty: Callable[[], None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Drainable]:
        return iter(self._open)

    def add(self, connection: Drainable) -> None:
        """One was opened."""
        self._open.add(connection)
        if self._draining:
            connection.drain()

    def discard(self, connection: Drainable) -> None:
        """One was closed."""
        self._open.discard(connection)
        if not self._open and self._when_empty is not None:
            self._when_empty()

    def drain(self, when_empty: Callable[[], None]) -> None:
        """Let all of them end; call back when they have."""
        self._draining = True
        self._when_empty = when_empty
        for connection in list(self._open):
            connection.drain()
        if not self._open:
            when_empty()

    def kill(self) -> None:
        """End all of them now."""
        for connection in list(self._open):
            connection.kill()

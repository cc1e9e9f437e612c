"""PURE: who read which fact, both ways, so that a change reaches its readers and touches nobody else."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

R = TypeVar("R", bound=Hashable)

Fact = tuple[str, ...]
"""What an answer can depend on: ("pod", namespace, name), ("ip", address), ("slices", namespace, service) …"""


class Graph(Generic[R]):
    """Readers and the facts that they last read."""

    def __init__(self) -> None:
        self._readers: dict[Fact, set[R]] = {}
        self._facts: dict[R, frozenset[Fact]] = {}

    def record(self, reader: R, facts: Iterable[Fact]) -> None:
        """`reader` now depends on these facts and on no others. Costs what changed since its last reading."""
        after = frozenset(facts)
        before = self._facts.get(reader, frozenset())
        self._facts[reader] = after
        for fact in after - before:
            self._readers.setdefault(fact, set()).add(reader)
        for fact in before - after:
            self._leave(fact, reader)

    def add(self, reader: R, facts: Iterable[Fact]) -> None:
        """`reader` depends on these facts too."""
        self.record(reader, self._facts.get(reader, frozenset()) | frozenset(facts))

    def forget(self, reader: R) -> None:
        """`reader` is gone."""
        for fact in self._facts.pop(reader, frozenset()):
            self._leave(fact, reader)

    def readers(self, facts: Iterable[Fact]) -> set[R]:
        """Everyone who read any of these facts."""
        found: set[R] = set()
        for fact in facts:
            found |= self._readers.get(fact, set())
        return found

    def __len__(self) -> int:
        """How many facts are read by someone."""
        return len(self._readers)

    def _leave(self, fact: Fact, reader: R) -> None:
        readers = self._readers[fact]
        readers.discard(reader)
        if not readers:
            del self._readers[fact]

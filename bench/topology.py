"""What every pair of proxies is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.process import Memory, Process

Protocol = Literal["http1", "http2", "tcp"]
"""What the client and the backend speak; between the two proxies it is HTTP/2 or opaque bytes, always in mutual TLS."""


@dataclass(frozen=True)
class Certificates:
    """Paths of P-256 certificates of one authority for every peer, and the name in the leaf."""

    anchor: str
    chain: str
    key: str
    identity: str


@dataclass(frozen=True)
class Order:
    """One pair to start: outbound on the first core, inbound on the second."""

    protocol: Protocol
    directory: Path
    cores: tuple[int, int]
    certificates: Certificates
    backend: int
    workers: int = 1
    """Of our outbound sidecar, on so many cores."""
    sampled: bool = False
    """With the sampling profiler in ours (bench/sampled.py)."""
    tap_ports: tuple[int, int] = (0, 0)
    """Where ours can be tapped by the holder of `certificates`; 0: not at all."""

    def with_workers(self, count: int) -> Order:
        """The same with so many workers."""
        return replace(self, workers=count)


@dataclass(frozen=True)
class Pair:
    """Two running proxies: client -> outbound -> mTLS -> inbound -> backend."""

    entrance: int
    """The outbound proxy's loopback port."""
    outbound: Process
    inbound: Process

    def cpu_seconds(self) -> float:
        """Of both proxies so far."""
        return self.outbound.cpu_seconds() + self.inbound.cpu_seconds()

    def memory(self) -> tuple[Memory, Memory]:
        """Of outbound and inbound now."""
        return self.outbound.memory(), self.inbound.memory()

    def stop(self) -> None:
        """End both."""
        self.outbound.stop()
        self.inbound.stop()


Starter = Callable[[Order], Pair]

"""What every pair of proxies is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass

from bench.process import Process


@dataclass(frozen=True)
class Certificates:
    """Paths of the same P-256 certificates for every peer, and the name in the leaf."""

    anchor: str
    chain: str
    key: str
    identity: str


@dataclass(frozen=True)
class Backends:
    """Loopback ports of the servers behind the inbound proxy."""

    http1: int
    http2: int
    tcp: int


@dataclass(frozen=True)
class Entrances:
    """Loopback ports where a proxy takes HTTP/1, HTTP/2 and opaque bytes."""

    http1: int
    http2: int
    tcp: int


@dataclass(frozen=True)
class Pair:
    """Two running proxies: client -> outbound -> mTLS -> inbound -> backend."""

    name: str
    entrances: Entrances
    outbound: Process
    inbound: Process

    def cpu_seconds(self) -> float:
        """Of both proxies so far."""
        return self.outbound.cpu_seconds() + self.inbound.cpu_seconds()

    def stop(self) -> None:
        """End both."""
        self.outbound.stop()
        self.inbound.stop()

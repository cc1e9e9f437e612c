"""The loads, and the bars that our ratio to Envoy is held to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench import loads
from bench.loads import Result
from bench.topology import Protocol

LOAD_CORE = 1


@dataclass(frozen=True)
class Bar:
    """What the median of our ratios to Envoy must reach, for one figure."""

    figure: str
    limit: float | None = None
    """None: shown, and held to nothing."""
    at_least: bool = True

    def reached(self, ratio: float) -> bool:
        """Whether it is."""
        return self.limit is None or (ratio >= self.limit if self.at_least else ratio <= self.limit)

    def __str__(self) -> str:
        return "" if self.limit is None else f"{'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True)
class Case:
    """One load."""

    name: str
    protocol: Protocol
    load: Callable[[int, int], Result]
    """(port, seconds)"""
    bars: tuple[Bar, ...]
    apart: bool = False
    """Each proxy on a core of its own; load and backend then share both."""


def _rate(limit: float | None = None) -> tuple[Bar, ...]:
    return (Bar("requests_per_second", limit),)


def _fixed(*more: Bar) -> tuple[Bar, ...]:
    return (Bar("cpu_us", 1.0, at_least=False), *more)


LATENCY = (Bar("p50", 0.8, at_least=False), Bar("p99", 1.0, at_least=False))
SHOWN = (Bar("p50"), Bar("p99"))
GRPC = ("-H", "content-type: application/grpc", "-H", "te: trailers", "-d", "{body}")


def _wrk(connections: int, path: str = "64", *, pinned: bool = True) -> Callable[[int, int], Result]:
    core = LOAD_CORE if pinned else None
    return lambda port, seconds: loads.wrk(core, f"http://127.0.0.1:{port}/{path}", connections, seconds)


def _h2load(*options: str, path: str = "64", pinned: bool = True) -> Callable[[int, int], Result]:
    core = LOAD_CORE if pinned else None
    return lambda port, seconds: loads.h2load(core, f"http://127.0.0.1:{port}/{path}", list(options), seconds)


CASES = (
    Case("HTTP/2, 4 x 32", "http2", _h2load("-c4", "-m32"), _rate(2.0)),
    Case("HTTP/2, 1 x 1", "http2", _h2load("-c1", "-m1"), _rate()),
    Case("gRPC-shaped POST, 4 x 32", "http2", _h2load("-c4", "-m32", *GRPC), _rate()),
    Case("HTTP/1, 1 connection", "http1", _wrk(1), _rate()),
    Case("HTTP/1, 32 connections", "http1", _wrk(32), _rate(1.3)),
    Case("HTTP/1, 128 connections", "http1", _wrk(128), _rate(2.0)),
    Case("HTTP/1, 256 connections", "http1", _wrk(256), _rate()),
    Case("HTTP/1, 10 KB, 32 connections", "http1", _wrk(32, "10k"), _rate()),
    Case("HTTP/1, 1 MB, 8 connections", "http1", _wrk(8, "1m"), _rate(0.8)),
    Case("HTTP/2, 4 x 32, a core each", "http2", _h2load("-c4", "-m32", pinned=False), _rate(1.2), apart=True),
    Case("HTTP/1, 128, a core each", "http1", _wrk(128, pinned=False), _rate(1.2), apart=True),
    Case("HTTP/2 at 500/s", "http2", _h2load("-c10", "-m1", "--rps", "50"), _fixed(*SHOWN)),
    Case("HTTP/2 at 2,000/s", "http2", _h2load("-c20", "-m1", "--rps", "100"), _fixed(*LATENCY)),
    Case("HTTP/2 at 5,000/s", "http2", _h2load("-c50", "-m1", "--rps", "100"), _fixed(*SHOWN)),
    Case("HTTP/1 at 500/s", "http1", _h2load("--h1", "-c10", "--rps", "50"), _fixed(*SHOWN)),
    Case("HTTP/1 at 2,000/s", "http1", _h2load("--h1", "-c20", "--rps", "100"), _fixed(*LATENCY)),
    Case("HTTP/1 at 5,000/s", "http1", _h2load("--h1", "-c50", "--rps", "100"), _fixed(*SHOWN)),
    Case("opaque TCP", "tcp", lambda port, seconds: loads.tcp(port, 64 * seconds), (Bar("bytes_per_second", 0.8),)),
)

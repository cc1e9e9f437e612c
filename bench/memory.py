"""Memory: of a sidecar that is idle, after load, and with thousands of connections that wait (MB: 10^6 bytes)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from bench import loads
from bench.cases import LOAD_CORE, Bar
from bench.pairs import Field
from bench.process import Memory
from bench.report import OURS, Line, absolute, compare, show
from bench.topology import Pair

SETTLE_SECONDS = 2.0
PLAIN, MESHED = 10_000, 1_000
GROWTH_MB = 8
"""What a sidecar may keep of load: the heap that it holds on to (linkerd_proxy/heap.py) and what it has learned."""
_REQUEST = b"GET /64 HTTP/1.1\r\nHost: bench\r\n\r\n"


def _largest(pair: Pair) -> Memory:
    """Of the larger one of the two."""
    return max(pair.memory(), key=lambda memory: memory.rss)


def _held(port: int, count: int, say: bytes) -> list[socket.socket]:
    """Connections that have said something, have been answered, and wait now."""
    connections = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), 20)
        connection.sendall(say)
        if not connection.recv(4096):
            raise ConnectionError("closed instead of an answer")
        connections.append(connection)
    return connections


def _with_connections(on: Field, peer: str, protocol: str, count: int, say: bytes) -> Memory:
    pair = on.start(peer, "tcp" if protocol == "tcp" else "http1")
    try:
        connections = _held(pair.entrance, count, say)
        time.sleep(SETTLE_SECONDS)
        memory = _largest(pair)
        for connection in connections:
            connection.close()
        return memory
    finally:
        pair.stop()


def _idle_and_after(on: Field, peer: str, seconds: int) -> tuple[Memory, Memory, Memory]:
    """Idle; after the first load; after more of the same."""
    pair = on.start(peer, "http1")
    try:
        time.sleep(SETTLE_SECONDS)
        idle = _largest(pair)
        after = []
        for _ in range(2):
            for path, connections in (("64", 128), ("1m", 8)):
                loads.wrk(LOAD_CORE, f"http://127.0.0.1:{pair.entrance}/{path}", connections, seconds)
            time.sleep(SETTLE_SECONDS)
            after.append(_largest(pair))
        return idle, after[0], after[1]
    finally:
        pair.stop()


def _each(peers: list[str], what: Callable[[str], Memory]) -> dict[str, float]:
    return {peer: what(peer).rss / 1e6 for peer in peers}


def run(on: Field, seconds: int) -> list[Line]:
    """All of it, once: memory varies little."""
    peers = on.able("http1")
    found = {peer: _idle_and_after(on, peer, seconds) for peer in peers}
    lines = [
        compare("idle", Bar("RSS, MB", 0.75, at_least=False), {p: [f[0].rss / 1e6] for p, f in found.items()}, {}),
        compare("idle", Bar("PSS, MB"), {p: [f[0].pss / 1e6] for p, f in found.items()}, {}),
        compare("idle", Bar("anonymous, MB"), {p: [f[0].anonymous / 1e6] for p, f in found.items()}, {}),
        absolute("idle, aim", "RSS, MB", {OURS: found[OURS][0].rss / 1e6}, 40),
        compare("after load", Bar("RSS, MB"), {p: [f[1].rss / 1e6] for p, f in found.items()}, {}),
    ]
    growth = {peer: (f[2].rss - f[1].rss) / 1e6 for peer, f in found.items()}
    lines.append(absolute("growth by the same load again", "RSS, MB", growth, GROWTH_MB))
    plain = _each(peers, lambda peer: _with_connections(on, peer, "http1", PLAIN, _REQUEST))
    lines.append(absolute(f"{PLAIN:,} idle plain connections", "RSS, MB", plain, 150))
    meshed = _each(on.able("tcp"), lambda peer: _with_connections(on, peer, "tcp", MESHED, b"x"))
    lines.append(absolute(f"{MESHED:,} idle mTLS connections", "RSS, MB", meshed, 90))
    for line in lines:
        print(show(line), flush=True)
    return lines

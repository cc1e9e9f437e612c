"""A storm of new connections: how many mutual TLS handshakes a second, and what established streams feel of it.

Opaque connections, for there each connection of a client is one between the proxies. One at a time from each of
CLIENTS threads: connect, a byte there and back, close. Beside it one established connection sends a byte every
millisecond or so and waits for its echo.

Envoy's client resumes sessions: its later handshakes sign and verify nothing. Ours never does (linkerd_runtime.tls says
why), so a second Envoy pair that does not either stands beside it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench import envoy
from bench.cases import Bar
from bench.pairs import Field
from bench.report import OURS, REFERENCE, Line, absolute, compare, show

CLIENTS = 8
PACE = 0.002
NEW = Bar("connections_per_second", 0.8)
FULL = "envoy, full handshakes"


def _round_trip(connection: socket.socket) -> None:
    connection.sendall(b"x")
    if connection.recv(1) != b"x":
        raise ConnectionError("closed without an echo")


class _Clients:
    """Threads that connect over and over."""

    def __init__(self, port: int) -> None:
        self.done = 0
        self.failed = 0
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self._port), 10) as connection:
                    _round_trip(connection)
            except OSError:
                self.failed += 1
            else:
                self.done += 1

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@contextmanager
def _storm(port: int) -> Iterator[_Clients]:
    clients = _Clients(port)
    try:
        yield clients
    finally:
        clients.stop()


def _p99_ms(connection: socket.socket, seconds: float) -> float:
    """Of round trips on an established connection."""
    took: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        _round_trip(connection)
        took.append(time.perf_counter() - began)
        time.sleep(PACE)
    took.sort()
    return took[int(len(took) * 0.99)] * 1000


def _one(port: int, seconds: int) -> dict[str, float]:
    with socket.create_connection(("127.0.0.1", port), 10) as established:
        established.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _round_trip(established)
        quiet = _p99_ms(established, seconds)
        with _storm(port) as clients:
            began, before = time.perf_counter(), clients.done
            storm = _p99_ms(established, seconds)
            rate = (clients.done - before) / (time.perf_counter() - began)
    return {"connections_per_second": rate, "times": storm / quiet, "failed": float(clients.failed)}


def run(on: Field, runs: int, seconds: int) -> list[Line]:
    """Interleaved, as the cases are."""
    pairs = {peer: on.start(peer, "tcp") for peer in on.able("tcp")}
    pairs[FULL] = envoy.start(on.order("tcp"), resumption=False)
    found: dict[str, list[dict[str, float]]] = {peer: [] for peer in pairs}
    try:
        for pair in pairs.values():
            _one(pair.entrance, 1)
        for _ in range(runs):
            for peer, pair in pairs.items():
                found[peer].append(_one(pair.entrance, seconds))
    finally:
        for pair in pairs.values():
            pair.stop()
    failed = {peer: int(sum(run["failed"] for run in of)) for peer, of in found.items()}
    new = {peer: [run["connections_per_second"] for run in of] for peer, of in found.items()}
    full = {OURS: new[OURS], REFERENCE: new.pop(FULL)}
    times = {peer: sorted(run["times"] for run in of)[len(of) // 2] for peer, of in found.items() if peer != FULL}
    lines = [
        compare("new mTLS connections", NEW, new, failed),
        compare("new mTLS connections, none resumed", Bar("connections_per_second"), full, failed),
        absolute("new mTLS connections", "p99 of an established stream, times that without them", times, 2.0),
    ]
    for line in lines:
        print(show(line), flush=True)
    assert OURS in times
    return lines

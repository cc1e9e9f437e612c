"""What a tap costs the proxies of a busy workload: both of a pair tapped at 100 requests a second, against none.

The same pair is measured with and without, by turns. What is compared is what a core of the proxies carries: requests
for each second of their CPU time. The reader runs in the bench, on the core of load and backend.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bench import loads
from bench.cases import LOAD_CORE
from bench.linkerd import CLIENT, SERVER
from bench.pairs import PROXY_CORE, Field
from bench.process import free_port
from bench.report import OURS, Line, show
from bench.topology import Certificates, Order, Pair
from linkerd_contract import codec
from linkerd_contract.tap import TAP_PATH, TapMatch, TapRequest
from linkerd_runtime import tls

CONNECTIONS = 32
RATE = 100.0
_REQUEST = codec.encode(TapRequest(limit=1 << 30, match=TapMatch(), max_rps=RATE))


def run(on: Field, runs: int, seconds: int) -> list[Line]:
    """Without and with, interleaved."""
    ports = (free_port(), free_port())
    backend = on.servers.ports["http1"]
    cores = (PROXY_CORE, PROXY_CORE)
    pair = on.peers[OURS](Order("http1", on.directory, cores, on.certificates, backend, tap_ports=ports))
    url = f"http://127.0.0.1:{pair.entrance}/64"
    plain, tapped = [], []
    events = 0
    try:
        for port, process in zip(ports, (pair.outbound, pair.inbound), strict=True):
            process.wait_listening(port)
        loads.wrk(LOAD_CORE, url, CONNECTIONS, 1)
        for _ in range(runs):
            plain.append(_carried(pair, url, seconds))
            with _taps(ports, on.certificates) as chunks:
                tapped.append(_carried(pair, url, seconds))
            events += sum(chunks)
    finally:
        pair.stop()
    if not events:
        raise RuntimeError("the taps saw nothing: what was measured is not a tap's cost")
    ratios = [b / a for a, b in zip(plain, tapped, strict=True)]
    ratio = statistics.median(ratios)
    line = Line(
        "HTTP/1, 32 connections, both proxies tapped at 100/s",
        "requests a second of CPU",
        {OURS: statistics.median(tapped), "untapped": statistics.median(plain)},
        ratio,
        (min(ratios), max(ratios)),
        ">= 0.9 of untapped",
        ratio >= 0.9,
    )
    print(show(line), flush=True)
    return [line]


def _carried(pair: Pair, url: str, seconds: int) -> float:
    """Requests for each second of the proxies' CPU time. Raises RuntimeError where one failed."""
    before = pair.cpu_seconds()
    result = loads.wrk(LOAD_CORE, url, CONNECTIONS, seconds)
    if result.failed:
        raise RuntimeError(f"{result.failed} requests failed")
    return result.requests / (pair.cpu_seconds() - before)


@contextmanager
def _taps(ports: tuple[int, int], certificates: Certificates) -> Iterator[list[int]]:
    """Both proxies tapped until the end of the block; how many chunks of events each reader has seen."""
    seen = [0, 0]
    opened, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(_read(ports, certificates, seen, opened, stop),))
    thread.start()
    try:
        if not opened.wait(10):
            raise RuntimeError("the proxies do not answer taps")
        yield seen
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _read(
    ports: tuple[int, int], certificates: Certificates, seen: list[int], opened: threading.Event, stop: asyncio.Event
) -> None:
    context = tls.client_context(Path(certificates.anchor).read_text(), certificates.chain, certificates.key)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:

        async def follow(side: int, name: str, answered: asyncio.Event) -> None:
            url = f"https://127.0.0.1:{ports[side]}{TAP_PATH}"
            async with session.post(url, data=_REQUEST, server_hostname=name) as response:
                response.raise_for_status()
                answered.set()
                async for _ in response.content.iter_any():
                    seen[side] += 1

        answers = [asyncio.Event(), asyncio.Event()]
        tasks = [asyncio.create_task(follow(side, name, answers[side])) for side, name in enumerate((CLIENT, SERVER))]
        for answered in answers:
            await answered.wait()
        opened.set()
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

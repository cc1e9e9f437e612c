"""Two workers against one: the outbound sidecar alone, for on a machine of two cores load and backend need one too.

What is compared is what a core carries: requests for each second of the workers' CPU time, times the workers. Where
load and backend have cores of their own this is what the wire shows; here they share, and the wire shows less.
"""

from __future__ import annotations

import statistics

from bench import loads
from bench.cases import LOAD_CORE
from bench.pairs import Field
from bench.report import OURS, Line, show
from bench.topology import Order

CONNECTIONS = 64


def run(on: Field, runs: int, seconds: int) -> list[Line]:
    """One worker and two, interleaved."""
    order = Order("http1", on.directory, (0, 0), on.certificates, on.servers.ports["http1"])
    starter = on.peers[OURS]
    pairs = {count: starter(order.with_workers(count)) for count in (1, 2)}
    capacity: dict[int, list[float]] = {1: [], 2: []}
    shares = []
    try:
        for _ in range(runs):
            for count, pair in pairs.items():
                outbound = pair.outbound
                before = outbound.cpu_seconds()
                split = [outbound.cpu_seconds_of(pid) for pid in outbound.workers()]
                url = f"http://127.0.0.1:{pair.entrance}/64"
                result = loads.wrk(LOAD_CORE if count == 1 else None, url, CONNECTIONS, seconds)
                used = outbound.cpu_seconds() - before
                capacity[count].append(result.requests / used * count)
                if count == 2:
                    second = outbound.cpu_seconds_of(outbound.workers()[0]) - split[0]
                    shares.append(second / used)
    finally:
        for pair in pairs.values():
            pair.stop()
    ratios = [two / one for one, two in zip(capacity[1], capacity[2], strict=True)]
    ratio = statistics.median(ratios)
    medians = {
        "one worker": statistics.median(capacity[1]),
        "two workers": statistics.median(capacity[2]),
        "share of the second worker": statistics.median(shares),
    }
    line = Line(
        "HTTP/1, 64 connections, two workers on two cores",
        "requests a second of CPU, times workers",
        medians,
        ratio,
        (min(ratios), max(ratios)),
        ">= 1.7 of one worker",
        ratio >= 1.7,
    )
    print(show(line), flush=True)
    return [line]

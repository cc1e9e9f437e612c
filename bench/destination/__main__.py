"""Runs it at a tenth and in full, and prints the table that docs/benchmarks.md quotes."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.destination.run import LOAD_CORE, Figures, Run

MB = 1 << 20
_SHORT_SECONDS = 60.0


async def measure(services: int, churn_seconds: float, per_second: float, slow_seconds: float) -> Figures:
    """One cluster."""
    with tempfile.TemporaryDirectory() as name:
        run = Run(services, Path(name))
        await run.start()
        try:
            await run.connect()
            await run.churn(churn_seconds, per_second)
            await run.popular_changes(20)
            if slow_seconds:
                await run.slow_reader(slow_seconds)
        finally:
            await run.stop()
        return run.figures


def rows(found: list[Figures]) -> list[tuple[str, ...]]:
    """The table, a column for each cluster."""

    def of(label: str, bar: str, text: str) -> tuple[str, ...]:
        return (label, bar, *(text.format(f=f, MB=MB) for f in found))

    memory = [f"{min(f.memory_by_minute) / MB:.0f} to {max(f.memory_by_minute) / MB:.0f} MB" for f in found]
    cut = [
        f"{f.slow_reader_bytes / MB:.1f} MB" + (f", cut after {s:.0f} s" if (s := f.slow_reader_cut_seconds) else "")
        for f in found
    ]
    return [
        ("figure", "bar", *(f"{f.services} Services, {f.policies} policies" for f in found)),
        of("first sync", "<= 30 s", "{f.sync_seconds:.1f} s"),
        ("memory after it", "<= 600 MB", *(f"{f.sync_bytes / MB:.0f} MB" for f in found)),
        of("1,000 proxies connected and answered", "", "{f.first_answers_seconds:.1f} s"),
        ("memory with them", "", *(f"{f.connected_bytes / MB:.0f} MB" for f in found)),
        of("change to its last of 20 readers, p50", "", "{f.change_p50_ms:.1f} ms"),
        of("change to its last of 20 readers, p99", "<= 50 ms", "{f.change_p99_ms:.1f} ms"),
        of("change to the last of 1,000, p50", "", "{f.popular_p50_ms:.0f} ms"),
        of("change to the last of 1,000, p99", "<= 200 ms", "{f.popular_p99_ms:.0f} ms"),
        of("CPU per change", "equal", "{f.cpu_ms_per_change:.2f} ms"),
        ("its core was taken by others", "", *(f"{100 * f.core_wait_share:.0f} % of the time" for f in found)),
        ("memory through churn", "flat", *memory),
        ("a proxy that stops reading", "bounded", *cut),
    ]


def main() -> None:
    """Print a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.destination")
    parser.add_argument("--services", type=int, nargs="+", default=[1000, 10_000], help="sizes (default 1000 10000)")
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="of churn at the largest size (default 600); at most 60 at others"
    )
    parser.add_argument("--rate", type=float, default=50.0, help="changes per second (default 50)")
    parser.add_argument("--slow-seconds", type=float, default=60.0, help="how long a proxy does not read (default 60)")
    options = parser.parse_args()
    os.sched_setaffinity(0, {LOAD_CORE})
    found = []
    for services in options.services:
        # What a tenth is for, CPU per change, needs no long churn and no slow reader.
        full = services == max(options.services)
        seconds = options.seconds if full else min(options.seconds, _SHORT_SECONDS)
        found.append(uvloop.run(measure(services, seconds, options.rate, options.slow_seconds if full else 0.0)))
    table = rows(found)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(json.dumps([asdict(f) for f in found]))


if __name__ == "__main__":
    main()

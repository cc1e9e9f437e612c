"""What was measured, as lines: printed as a table, kept as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.cases import Bar

OURS, REFERENCE = "linkerd-py", "envoy"
UNITS = {
    "requests_per_second": "requests/s",
    "bytes_per_second": "bytes/s",
    "connections_per_second": "connections/s",
    "cpu_us": "us of CPU a request",
    "p50": "p50, ms",
    "p99": "p99, ms",
}


@dataclass(frozen=True)
class Line:
    """One figure of one load: medians of all peers, and what the bar says."""

    load: str
    figure: str
    medians: Mapping[str, float]
    ratio: float | None = None
    """Median of ours / Envoy's, run by run; None where the bar is on our figure alone."""
    spread: tuple[float, float] | None = None
    bar: str = ""
    reached: bool | None = None
    """None where there is no bar."""
    failed: Mapping[str, int] = field(default_factory=dict)


def compare(load: str, bar: Bar, runs: Mapping[str, Sequence[float]], failed: Mapping[str, int]) -> Line:
    """A line of the figures of interleaved runs by peer."""
    medians = {peer: statistics.median(values) for peer, values in runs.items() if values}
    ratios = [a / b for a, b in zip(runs[OURS], runs.get(REFERENCE, ()), strict=False) if b]
    if not ratios:
        return Line(load, bar.figure, medians, failed=failed)
    ratio = statistics.median(ratios)
    verdict = None if bar.limit is None else bar.reached(ratio) and not failed.get(OURS)
    return Line(load, bar.figure, medians, ratio, (min(ratios), max(ratios)), str(bar), verdict, failed)


def absolute(load: str, figure: str, medians: Mapping[str, float], limit: float) -> Line:
    """A line whose bar is on our own figure: at most `limit`."""
    return Line(load, figure, medians, bar=f"<= {limit:g}", reached=medians[OURS] <= limit)


def show(line: Line) -> str:
    """One line of text."""
    values = "  ".join(f"{peer} {_number(value)}" for peer, value in line.medians.items())
    text = f"{line.load}: {UNITS.get(line.figure, line.figure)}: {values}"
    if line.ratio is not None and line.spread is not None:
        text += f"; ratio {line.ratio:.2f} ({line.spread[0]:.2f}-{line.spread[1]:.2f})"
    if line.reached is not None:
        text += f"; bar {line.bar}: {'reached' if line.reached else 'NOT REACHED'}"
    if any(line.failed.values()):
        text += f"; FAILED {dict(line.failed)}"
    return text


def table(lines: Sequence[Line]) -> str:
    """Markdown, as docs/benchmarks.md has it."""
    peers = [OURS, REFERENCE, *sorted({peer for line in lines for peer in line.medians} - {OURS, REFERENCE})]
    rows = [["load", "figure", *peers, "ratio to Envoy: median (range)", "bar"]]
    for line in lines:
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
        if line.spread is not None:
            ratio += f" ({line.spread[0]:.2f}-{line.spread[1]:.2f})"
        verdict = line.bar
        if line.reached is not None:
            verdict += ", reached" if line.reached else ", **not reached**"
        values = [_number(line.medians[peer]) if peer in line.medians else "" for peer in peers]
        rows.append([line.load, UNITS.get(line.figure, line.figure), *values, ratio, verdict])
    rows.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def keep(path: Path, machine: Mapping[str, object], lines: Sequence[Line]) -> list[Line]:
    """Add lines to a results file of the same machine, in the place of older ones of the same loads; all of them."""
    known: list[Line] = []
    if path.exists():
        document = json.loads(path.read_text())
        if document["machine"]["cpu"] == machine["cpu"]:
            known = [Line(**line) for line in document["lines"]]
    new = {(line.load, line.figure) for line in lines}
    merged = [line for line in known if (line.load, line.figure) not in new] + list(lines)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": dict(machine), "lines": [asdict(line) for line in merged]}, indent=1) + "\n")
    return merged


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"

"""`python -m bench [--quick] [--only NAME …]`: every case against every peer, interleaved; a table and a JSON file."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import envoy, loads
from bench.backends import Servers
from bench.linkerd import ControlPlane
from bench.loads import Result
from bench.topology import Certificates, Order, Pair, Protocol, Starter

PROXY_CORE, LOAD_CORE = 0, 1
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Case:
    """One load, and the bar that our ratio to Envoy is held to (of the figure named)."""

    name: str
    protocol: Protocol
    load: Callable[[int, int], Result]
    """(port, seconds)"""
    figure: str = "requests_per_second"
    bar: float | None = None
    at_least: bool = True


def _wrk(connections: int, path: str = "64") -> Callable[[int, int], Result]:
    return lambda port, seconds: loads.wrk(LOAD_CORE, f"http://127.0.0.1:{port}/{path}", connections, seconds)


def _h2load(*options: str, path: str = "64") -> Callable[[int, int], Result]:
    return lambda port, seconds: loads.h2load(LOAD_CORE, f"http://127.0.0.1:{port}/{path}", list(options), seconds)


CASES = (
    Case("HTTP/2 4x32", "http2", _h2load("-c4", "-m32"), bar=2.0),
    Case("HTTP/2 1x1", "http2", _h2load("-c1", "-m1")),
    Case("HTTP/1 1 connection", "http1", _wrk(1)),
    Case("HTTP/1 32 connections", "http1", _wrk(32), bar=1.3),
    Case("HTTP/1 128 connections", "http1", _wrk(128), bar=2.0),
    Case("HTTP/1 10 KB, 32 connections", "http1", _wrk(32, "10k")),
    Case("HTTP/1 1 MB, 8 connections", "http1", _wrk(8, "1m"), bar=0.8),
    Case("HTTP/2 500/s", "http2", _h2load("-c10", "-m1", "--rps", "50"), "cpu_us", 1.0, at_least=False),
    Case("HTTP/2 2,000/s", "http2", _h2load("-c20", "-m1", "--rps", "100"), "cpu_us", 1.0, at_least=False),
    Case("HTTP/1 2,000/s", "http1", _h2load("--h1", "-c20", "--rps", "100"), "cpu_us", 1.0, at_least=False),
    Case("opaque TCP", "tcp", lambda port, seconds: loads.tcp(port, 64 * seconds), "bytes_per_second", 0.8),
)


@dataclass(frozen=True)
class Run:
    """One run of one case against one peer."""

    peer: str
    result: Result
    cpu_us: float
    """CPU of both proxies per request, microseconds."""

    def figure(self, name: str) -> float:
        """A figure by its name."""
        value = self.cpu_us if name == "cpu_us" else getattr(self.result, name)
        assert isinstance(value, float)
        return value


def measure(case: Case, pair: Pair, peer: str, seconds: int) -> Run:
    """One run."""
    before = pair.cpu_seconds()
    result = case.load(pair.entrance, seconds)
    used = pair.cpu_seconds() - before
    # h2load's figures leave its warm-up second out; the proxies' time does not.
    requests = result.requests * (seconds + 1) / seconds if case.protocol != "tcp" and result.p999 else result.requests
    return Run(peer, result, used / max(1.0, requests) * 1e6)


def run_case(case: Case, peers: dict[str, Starter], order: Order, options: argparse.Namespace) -> dict[str, object]:
    """All runs of a case, peers interleaved; the record for the results file."""
    pairs: dict[str, Pair] = {}
    runs: list[Run] = []
    try:
        for name, start in peers.items():
            pairs[name] = start(order)
            measure(case, pairs[name], name, 1)
        idle = {name: [asdict(m) for m in pair.memory()] for name, pair in pairs.items()}
        for _ in range(options.runs):
            runs += [measure(case, pair, name, options.seconds) for name, pair in pairs.items()]
        after = {name: [asdict(m) for m in pair.memory()] for name, pair in pairs.items()}
    finally:
        for pair in pairs.values():
            pair.stop()
    return {"case": case.name, "runs": [asdict(r) for r in runs], "memory": {"before": idle, "after": after}} | summary(
        case, runs, options.runs
    )


def summary(case: Case, runs: list[Run], count: int) -> dict[str, object]:
    """Medians per peer, and our ratio to Envoy run by run."""
    ours = [r for r in runs if r.peer == "linkerd-py"]
    theirs = [r for r in runs if r.peer == "envoy"]
    ratios = [ours[i].figure(case.figure) / theirs[i].figure(case.figure) for i in range(count)]
    failed = {peer: sum(r.result.failed for r in runs if r.peer == peer) for peer in ("linkerd-py", "envoy")}

    def row(peer: str, of: list[Run]) -> str:
        rate = statistics.median(r.result.requests_per_second for r in of)
        cpu = statistics.median(r.cpu_us for r in of)
        p50, p99 = ([getattr(r.result, p) for r in of if getattr(r.result, p) is not None] for p in ("p50", "p99"))
        times = f"p50 {statistics.median(p50):7.2f} ms  p99 {statistics.median(p99):7.2f} ms" if p50 else ""
        moved = of[0].result.bytes_per_second
        what = f"{moved / 1e6:8.0f} MB/s" if moved else f"{rate:8.0f} req/s"
        return f"  {peer:10} {what}  {cpu:7.1f} us/req  {times}  failed {failed[peer]}"

    print(f"{case.name}: {case.figure} ratio {loads.spread(ratios)}{_verdict(case, ratios)}")
    print(row("linkerd-py", ours))
    print(row("envoy", theirs), flush=True)
    return {"figure": case.figure, "ratios": ratios, "bar": case.bar, "failed": failed}


def _verdict(case: Case, ratios: list[float]) -> str:
    if case.bar is None:
        return ""
    median = statistics.median(ratios)
    good = median >= case.bar if case.at_least else median <= case.bar
    return f", bar {'>=' if case.at_least else '<='} {case.bar}: {'reached' if good else 'NOT reached'}"


def machine() -> dict[str, object]:
    """What this was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "envoy": envoy.version(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def run(options: argparse.Namespace, directory: Path) -> dict[str, object]:
    """Everything that was asked for."""
    records = []
    with ControlPlane(directory) as control_plane:
        certificates: Certificates = control_plane.certificates()
        servers = Servers(directory, LOAD_CORE)
        peers: dict[str, Starter] = {"linkerd-py": control_plane.start, "envoy": envoy.start}
        try:
            for case in CASES:
                if options.only and case.name not in options.only:
                    continue
                cores = (PROXY_CORE, PROXY_CORE)
                order = Order(case.protocol, directory, cores, certificates, servers.ports[case.protocol])
                records.append(run_case(case, peers, order, options))
        finally:
            servers.stop()
    return {"machine": machine(), "runs": options.runs, "seconds": options.seconds, "cases": records}


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two runs of two seconds: for a look, not for a claim")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", nargs="*", metavar="CASE", help="; ".join(c.name for c in CASES))
    options = parser.parse_args()
    if options.quick:
        options.runs, options.seconds = 2, 2
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        results = run(options, Path(name))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

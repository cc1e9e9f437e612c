"""`python -m bench [PART …] [--quick] [--only LOAD …]`: side by side with an Envoy pair, and what stands alone.

Parts: pairs (throughput, CPU and latency), storm (new connections), memory, workers, tap, profile (CPU by stage);
identity, injector and viz, which take options of their own (`python -m bench identity --help`). Without a part: all.
Results are kept in bench/results/latest.json, so that parts may be run one by one; the table shows them with the bars.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bench import envoy, identity, injector, memory, pairs, profile, report, storm, tap, viz, workers
from bench.cases import CASES, LOAD_CORE
from bench.report import Line

RESULTS = Path(__file__).parent / "results" / "latest.json"
PAIRS = ("pairs", "storm", "memory", "workers", "tap", "profile")
ALONE: dict[str, Callable[[], int | None]] = {"identity": identity.main, "injector": injector.main, "viz": viz.main}


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


def measure(options: argparse.Namespace, directory: Path, lines: list[Line]) -> None:
    """The parts that stand on pairs, their lines added to `lines` as they come."""
    with ExitStack() as stack:
        on = pairs.field(directory, stack, shlex.split(options.proxy))
        if "pairs" in options.parts:
            for case in CASES:
                if not options.only or case.name in options.only:
                    lines += pairs.run_case(case, on, options.runs, options.seconds)
        if "storm" in options.parts:
            lines += storm.run(on, options.runs, options.seconds)
        if "memory" in options.parts:
            lines += memory.run(on, options.seconds)
        if "workers" in options.parts:
            lines += workers.run(on, options.runs, options.seconds)
        if "tap" in options.parts:
            lines += tap.run(on, options.runs, options.seconds)
        if "profile" in options.parts:
            print(profile.run(on, options.seconds))


def alone(part: str, arguments: list[str]) -> int:
    """A part with a command line of its own."""
    print(f"\n{part}:", flush=True)
    sys.argv = [f"python -m bench {part}", *arguments]
    return ALONE[part]() or 0


def main() -> int:
    """Entry point. A bar that was not reached is told and no failure; failed requests are one."""
    if os.environ.get("LINKERD2_PROXY_BIN"):
        # It gets a certificate only from Linkerd's own identity service, by gRPC, which nothing here speaks.
        sys.exit("LINKERD2_PROXY_BIN: a pair of linkerd2-proxy is not implemented: it needs Linkerd's control plane")
    if sys.argv[1:2] and sys.argv[1] in ALONE:
        return alone(sys.argv[1], sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join((*PAIRS, *ALONE)))
    parser.add_argument("--quick", action="store_true", help="two runs of two seconds: for a look, not for a claim")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--only", nargs="+", metavar="LOAD", help="; ".join(case.name for case in CASES))
    parser.add_argument("--proxy", default="", metavar="COMMAND", help="another linkerd-proxy, such as an image's")
    options = parser.parse_args()
    everything = not options.parts
    options.parts = options.parts or list(PAIRS)
    if unknown := set(options.parts) - set(PAIRS):
        parser.error(f"no such part: {', '.join(unknown)}")
    if unknown := set(options.only or ()) - {case.name for case in CASES}:
        parser.error(f"no such load: {', '.join(unknown)}")
    if options.quick:
        options.runs, options.seconds = 2, 2
    # Ended from outside, the proxies and backends are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Control plane, echo and byte pump run in this process: they belong to the load's core.
    os.sched_setaffinity(0, {LOAD_CORE % (os.cpu_count() or 1)})
    lines: list[Line] = []
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            Path(name).chmod(0o755)
            measure(options, Path(name), lines)
    finally:  # what was measured before something failed is not lost
        if lines:
            print("\n" + report.table(report.keep(RESULTS, machine(), lines)))
    if everything:
        for part in ALONE:
            alone(part, [])
    return 1 if any(line.failed.get(report.OURS) for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())

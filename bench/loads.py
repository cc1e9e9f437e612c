"""Load programs and what they report: wrk for HTTP/1, h2load for HTTP/2 and for fixed rates, a byte pump for TCP."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_SIZES = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6}
_TIMES_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


_GRPC_BODY = b"\0\0\0\0\x40" + b"x" * 64
"""One message of 64 bytes in gRPC's framing."""


@dataclass(frozen=True)
class Result:
    """Figures of one run. Latencies in milliseconds; `failed` counts errors and answers other than 2xx."""

    requests_per_second: float
    requests: int
    failed: int
    seconds: float
    p50: float | None = None
    p99: float | None = None
    p999: float | None = None
    bytes_per_second: float | None = None


def _run(core: int | None, command: list[str], seconds: float) -> str:
    """On one core, or on all of them."""
    cores = str(core) if core is not None else f"0-{(os.cpu_count() or 1) - 1}"
    done = subprocess.run(
        ["taskset", "-c", cores, *command], capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {(done.stderr or done.stdout)[-1000:]}")
    return done.stdout


def _time_ms(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a time of wrk's")
    return float(match[1]) * _TIMES_MS[match[2]]


def wrk(core: int | None, url: str, connections: int, seconds: int) -> Result:
    """HTTP/1 at full speed over kept-alive connections."""
    out = _run(core, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url], seconds)
    # Where a run was too short for one of them, it is not there.
    percentiles = dict(re.findall(r"^\s+(\d+)%\s+([\d.]+[a-z]+)\s*$", out, re.MULTILINE))
    summary = re.search(r"(\d+) requests in ([\d.]+)s", out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if summary is None or rate is None:
        raise RuntimeError(f"wrk's output is not understood: {out[-500:]}")
    failed = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", out))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    failed += sum(int(n) for n in errors.groups()) if errors else 0
    return Result(
        float(rate[1]),
        int(summary[1]),
        failed,
        float(summary[2]),
        _time_ms(percentiles["50"]) if "50" in percentiles else None,
        _time_ms(percentiles["99"]) if "99" in percentiles else None,
    )


def h2load(core: int | None, url: str, options: list[str], seconds: int) -> Result:
    """HTTP/2 (or HTTP/1 with --h1) by time; latencies from the log file, so that percentiles are exact."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        body = Path(directory) / "body"
        body.write_bytes(_GRPC_BODY)
        options = [option.format(body=body) for option in options]
        command = ["h2load", "-D", str(seconds), "--warm-up-time", "1", "--log-file", str(log), *options, url]
        out = _run(core, command, seconds)
        # The columns are start time, status, duration in microseconds.
        took = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    total = re.search(
        r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored", out
    )
    rate = re.search(r"finished in [\d.]+\w+, ([\d.]+) req/s", out)
    if total is None or rate is None or not took:
        raise RuntimeError(f"h2load's output is not understood: {out[-800:]}")
    return Result(
        float(rate[1]),
        int(total[2]),
        int(total[3]) + int(total[4]),
        float(seconds),
        _percentile(took, 0.5),
        _percentile(took, 0.99),
        _percentile(took, 0.999),
    )


def _percentile(ordered_us: list[int], share: float) -> float:
    return ordered_us[min(len(ordered_us) - 1, int(len(ordered_us) * share))] / 1000


def tcp(port: int, megabytes: int) -> Result:
    """Throughput of one opaque connection to an echo server: bytes sent and read back, in a thread each."""
    chunk, total = b"x" * 65536, megabytes << 20
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port)) as connection:

        def send() -> None:
            for _ in range(total // len(chunk)):
                connection.sendall(chunk)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = 0
        while data := connection.recv(262144):
            got += len(data)
        sender.join()
    seconds = time.monotonic() - began
    return Result(1 / seconds, 1, int(got != total), seconds, bytes_per_second=got / seconds)


def spread(values: list[float]) -> str:
    """Median and range, as the tables show them."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"

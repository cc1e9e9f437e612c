"""Loads on pairs of proxies: every peer in the same run, runs interleaved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import envoy, nginx
from bench.backends import Servers
from bench.cases import LOAD_CORE, Case
from bench.linkerd import ControlPlane
from bench.loads import Result
from bench.report import OURS, REFERENCE, Line, compare, show
from bench.topology import Certificates, Order, Pair, Protocol, Starter

PROXY_CORE = 0
SPEAKS_HTTP1_ONLY = frozenset(("nginx",))


@dataclass(frozen=True)
class Field:
    """What every part of the bench stands on: certificates, backends, peers."""

    directory: Path
    certificates: Certificates
    servers: Servers
    peers: dict[str, Starter]

    def start(self, peer: str, protocol: Protocol, *, apart: bool = False) -> Pair:
        """A running pair."""
        return self.peers[peer](self.order(protocol, apart=apart))

    def order(self, protocol: Protocol, *, apart: bool = False) -> Order:
        """What a pair is started with: on one core, or on a core each."""
        cores = (PROXY_CORE, LOAD_CORE if apart else PROXY_CORE)
        return Order(protocol, self.directory, cores, self.certificates, self.servers.ports[protocol])

    def able(self, protocol: Protocol) -> list[str]:
        """Peers that speak a protocol."""
        return [peer for peer in self.peers if protocol == "http1" or peer not in SPEAKS_HTTP1_ONLY]


def field(directory: Path, stack: ExitStack, command: Sequence[str] = ()) -> Field:
    """Set up; taken down with the stack. `command` starts another `linkerd-proxy` than this environment's."""
    control_plane = stack.enter_context(ControlPlane(directory, command))
    servers = Servers(directory, LOAD_CORE)
    stack.callback(servers.stop)
    peers: dict[str, Starter] = {OURS: control_plane.start, REFERENCE: envoy.start, "nginx": nginx.start}
    return Field(directory, control_plane.certificates(), servers, peers)


def measure(pair: Pair, load: Callable[[int, int], Result], seconds: int) -> dict[str, float]:
    """The figures of one run."""
    before = pair.cpu_seconds()
    result = load(pair.entrance, seconds)
    used = pair.cpu_seconds() - before
    # h2load's figures leave its warm-up second out; the proxies' time does not.
    requests = result.requests * (seconds + 1) / seconds if result.p999 else result.requests
    found = {"requests_per_second": result.requests_per_second, "failed": float(result.failed)}
    found["cpu_us"] = used / max(1.0, requests) * 1e6
    for name in ("p50", "p99", "p999", "bytes_per_second"):
        value = getattr(result, name)
        if value is not None:
            found[name] = value
    return found


def run_case(case: Case, on: Field, runs: int, seconds: int) -> list[Line]:
    """All runs of a case; a line for each of its figures."""
    found: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as stack:
        pairs: dict[str, Pair] = {}
        for peer in on.able(case.protocol):
            pairs[peer] = on.start(peer, case.protocol, apart=case.apart)
            stack.callback(pairs[peer].stop)
            measure(pairs[peer], case.load, 1)
        for _ in range(runs):
            for peer, pair in pairs.items():
                found.setdefault(peer, []).append(measure(pair, case.load, seconds))
    failed = {peer: int(sum(run["failed"] for run in of)) for peer, of in found.items()}
    lines = []
    for bar in case.bars:
        values = {peer: [run[bar.figure] for run in of if bar.figure in run] for peer, of in found.items()}
        lines.append(compare(case.name, bar, values, failed))
        print(show(lines[-1]), flush=True)
    return lines

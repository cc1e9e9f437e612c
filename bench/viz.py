"""`python -m bench.viz [--pods 1000] [--series 300] [--rounds 12]`: what viz's embedded store costs.

Pods of a mesh show pages like a proxy's, whose counters move; a metrics API in a process of its own on one core scrapes
them all over HTTP every 10 seconds, while stat is asked over HTTP. The pages are served from the other core. Before
that, ten minutes of scrapes and the hours of roll-ups are filled in from memory, so that what is measured is a store
that is full. Bars: 60 % of one core, 500 MB, p99 of stat 300 ms.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import resource
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web
from prometheus_client import CollectorRegistry

from linkerd_runtime.process import serve
from linkerd_testkit.ports import free_port
from linkerd_viz.api import metrics_app
from linkerd_viz.embedded import Embedded
from linkerd_viz.inventory import (
    Container,
    Inventory,
    Meta,
    Named,
    Owner,
    Pod,
    PodSpec,
    PodStatus,
    Port,
    workload_of_pods,
)
from linkerd_viz.pages import Page, read
from linkerd_viz.rollups import ROLLED, Rollups
from linkerd_viz.scraper import Scraper
from linkerd_viz.settings import from_env
from linkerd_viz.store import Store

SERVER_CORE, PAGES_CORE = 0, 1
INTERVAL_SECONDS = 10.0
REPLICAS = 4
BOUNDS = [str(base * scale) for scale in (1, 10, 100, 1000, 10_000) for base in range(1, 6)] + ["+Inf"]
ROUTE_BOUNDS = ["0.05", "0.5", "1", "10", "+Inf"]
BACKEND_BOUNDS = ["0.025", "0.05", "0.1", "0.25", "0.5", "1", "10", "+Inf"]
Taken = dict[str, list[tuple[float, float]]]
"""By question, milliseconds of each answer, and the same without what was spent waiting for a core."""
BAR_CPU, BAR_MEMORY_MB, BAR_P99_MS = 0.6, 500.0, 300.0


def page(pod: int, step: int, series: int) -> str:
    """A proxy's page with that many series of the families that viz keeps, all of them moving.

    What a pod takes, and what it sends to one Deployment after the other, by HTTP and by gRPC in turns.
    """
    count = 1000 + step * 100
    inbound = (
        'direction="inbound",target_addr="10.1.2.3:8080",target_ip="10.1.2.3",target_port="8080",tls="true",'
        f'client_id="sa-{pod % 250}.bench.serviceaccount.identity.linkerd.cluster.local",srv_group="policy.linkerd.io",'
        'srv_kind="default",srv_name="all-unauthenticated",route_kind="default",route_name="default"'
    )
    lines = _side(inbound, "src", count, step)
    targets = 0
    while len(lines) < series:
        targets += 1
        peer = (pod // REPLICAS * 7 + targets) % 250
        outbound = (
            f'direction="outbound",authority="s-{peer}.bench.svc.cluster.local:80",'
            f'target_addr="10.1.{peer}.3:8080",target_ip="10.1.{peer}.3",target_port="8080",tls="true",'
            f'server_id="sa-{peer}.bench.serviceaccount.identity.linkerd.cluster.local",dst_control_plane_ns="linkerd",'
            f'dst_deployment="d-{peer}",dst_namespace="bench",dst_pod="d-{peer}-1-{pod % REPLICAS}",'
            f'dst_pod_template_hash="1",dst_service="s-{peer}",dst_serviceaccount="sa-{peer}"'
        )
        lines += _side(outbound, "dst", count, step)
        lines += _route(peer, ("http", "grpc")[targets % 2], count, step)
    return "\n".join(lines[:series]) + "\n# EOF\n"


def _side(labels: str, peer: str, count: int, step: int) -> list[str]:
    """Responses, latencies and connections of one target."""
    return [
        f'response_total{{{labels},status_code="200",classification="success"}} {count}',
        f'response_total{{{labels},status_code="500",classification="failure"}} {step}',
        *_buckets("response_latency_ms", f'{labels},status_code="200"', BOUNDS, count),
        f'tcp_open_connections{{{labels},peer="{peer}"}} {step % 5}',
        f'tcp_read_bytes_total{{{labels},peer="{peer}"}} {step * 1000}',
        f'tcp_write_bytes_total{{{labels},peer="{peer}"}} {step * 2000}',
    ]


def _route(peer: int, protocol: str, count: int, step: int) -> list[str]:
    """What stat-outbound reads of the default route to a service."""
    stem = f"outbound_{protocol}_route"
    status, good, bad = ("http_status", "200", "500") if protocol == "http" else ("grpc_status", "OK", "UNKNOWN")
    parent = (
        f'parent_group="core",parent_kind="Service",parent_namespace="bench",parent_name="s-{peer}",parent_port="80",'
        f'route_kind="default",route_name="{protocol}"'
    )
    backend = (
        f'{parent},backend_group="core",backend_kind="Service",backend_namespace="bench",backend_name="s-{peer}",'
        'backend_port="80"'
    )
    return [
        f'{stem}_request_statuses_total{{{parent},{status}="{good}"}} {count}',
        f'{stem}_request_statuses_total{{{parent},{status}="{bad}"}} {step}',
        *_buckets(f"{stem}_request_duration_seconds", parent, ROUTE_BOUNDS, count),
        f"{stem}_retry_requests_total{{{parent}}} {step}",
        f'{stem}_backend_response_statuses_total{{{backend},{status}="{good}"}} {count}',
        f'{stem}_backend_response_statuses_total{{{backend},{status}="{bad}"}} {step}',
        *_buckets(f"{stem}_backend_response_duration_seconds", backend, BACKEND_BOUNDS, count),
    ]


def _buckets(family: str, labels: str, bounds: list[str], count: int) -> list[str]:
    return [
        f'{family}_bucket{{{labels},le="{bound}"}} {count * (i + 1) // len(bounds)}' for i, bound in enumerate(bounds)
    ]


def mesh(pods: int, port: int) -> Inventory:
    """Deployments of four pods each; a pod's address is a loopback address of its own."""
    count = (pods + REPLICAS - 1) // REPLICAS
    proxy = [Container("linkerd-proxy", [Port(port, "linkerd-admin")])]
    return Inventory(
        pods=[
            Pod(
                Meta(
                    f"d-{n // REPLICAS}-1-{n % REPLICAS}",
                    "bench",
                    owner_references=[Owner("ReplicaSet", f"d-{n // REPLICAS}-1", True)],
                ),
                PodSpec(proxy),
                PodStatus("Running", f"127.1.{n // 250}.{n % 250 + 1}"),
            )
            for n in range(pods)
        ],
        replica_sets=[
            Named(Meta(f"d-{n}-1", "bench", owner_references=[Owner("Deployment", f"d-{n}", True)]))
            for n in range(count)
        ],
        namespaces=[Named(Meta("bench"))],
        workloads={"deployment": [Named(Meta(f"d-{n}", "bench")) for n in range(count)]},
    )


class _Clock:
    """Real time, that can be put `ahead`."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


def _fill(store: Store, clock: _Clock, args: argparse.Namespace, inventory: Inventory) -> None:
    """Ten minutes of every pod."""
    steps = 61
    first = [read(page(index, 0, args.series)) for index in range(args.pods)]
    for step in range(steps):
        clock.ahead = (step - steps) * INTERVAL_SECONDS
        for pod, seen in zip(inventory.pods, first, strict=True):
            store.record(pod.metadata.key, clock(), Page(seen.keys, [value + step for value in seen.values]))
    clock.ahead = 0.0


def _fill_hours(rollups: Rollups, store: Store, inventory: Inventory, now: float) -> None:
    """Six hours of workloads, each minute that of one of their pods: the columns are those of all."""
    first = {w: pod for pod, w in workload_of_pods(inventory).items()}
    of = {pod: workload for workload, pod in first.items()}
    minute = [(pod, found) for pod, found in store.increases(ROLLED, now - 60, now) if pod in of]
    for back in reversed(range(1, 361)):
        rollups.add(now - back * 60, minute, of)


async def _serve(pipe: Connection, args: argparse.Namespace, port: int) -> None:
    clock = _Clock()
    store = Store(600)
    inventory = mesh(args.pods, port)
    rollups = Rollups(21_600)
    embedded = Embedded(store, rollups, lambda: inventory, clock)
    gc.collect()
    gc.freeze()  # as the process does once it has listed the cluster
    began = time.monotonic()
    _fill(store, clock, args, inventory)
    _fill_hours(rollups, store, inventory, clock())
    print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
    settings = from_env({"LINKERD_VIZ_SCRAPE_INTERVAL": f"{INTERVAL_SECONDS:.0f}s"})
    scraper = Scraper(store, lambda: inventory.pods, settings, CollectorRegistry(), clock)
    async with aiohttp.ClientSession() as session:
        runner = await serve(metrics_app(embedded, lambda: inventory, session), "127.0.0.1", 0)
        task = asyncio.create_task(scraper.run(embedded.roll))
        pipe.send(runner.addresses[0][1])
        await asyncio.to_thread(pipe.recv)
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.to_thread(pipe.recv)
        used = (time.process_time() - cpu) / (time.monotonic() - began)
        failed = sum(bool(store.failure(pod.metadata.key)) for pod in inventory.pods)
        pipe.send((used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, failed))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await runner.cleanup()


def _start(pipe: Connection, args: argparse.Namespace, port: int) -> None:
    os.sched_setaffinity(0, {SERVER_CORE})
    uvloop.run(_serve(pipe, args, port))


async def _pages(args: argparse.Namespace, port: int, stop: asyncio.Event) -> None:
    """Every pod's page on one port of all loopback addresses; a page is made anew once a minute."""
    addresses = {p.status.pod_ip: index for index, p in enumerate(mesh(args.pods, port).pods)}
    pages = [page(index, 61, args.series) for index in range(args.pods)]
    later = [page(index, 62, args.series) for index in range(args.pods)]

    async def metrics(request: web.Request) -> web.Response:
        index = addresses[request.host.partition(":")[0]]
        pages[index], later[index] = later[index], pages[index]
        return web.Response(text=pages[index])

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = await serve(app, "0.0.0.0", port)
    try:
        await stop.wait()
    finally:
        await runner.cleanup()


def _waited(pid: int | str) -> float:
    """Milliseconds that a process's main thread was ready to run while its core was not free (Linux's schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6


async def _ask(port: int, pid: int, seconds: float) -> Taken:
    """Each answer's time, by question."""
    taken: Taken = {}
    questions = {
        "stat deploy": "stat?kind=deployment",
        "stat deploy -n": "stat?kind=deployment&namespace=bench&name=d-7",
        "stat-outbound deploy": "stat-outbound?kind=deployment",
        "edges": "edges?kind=deployment",
        "history": "history?kind=deployment&name=d-7",
    }
    end = time.monotonic() + seconds
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < end:
            for name, question in questions.items():
                began, waited = time.perf_counter(), _waited(pid) + _waited("self")
                async with session.get(f"http://127.0.0.1:{port}/api/v1/{question}") as response:
                    await response.read()
                    assert response.status == 200, await response.text()
                took = (time.perf_counter() - began) * 1000
                waited = _waited(pid) + _waited("self") - waited
                taken.setdefault(name, []).append((took, max(0.0, took - waited)))
            await asyncio.sleep(0.5)
    return taken


async def _measure(
    pipe: Connection, pid: int, args: argparse.Namespace, pages_port: int
) -> tuple[Taken, tuple[float, float, int]]:
    stop = asyncio.Event()
    task = asyncio.create_task(_pages(args, pages_port, stop))
    port = await asyncio.to_thread(pipe.recv)
    await asyncio.sleep(INTERVAL_SECONDS)
    await asyncio.to_thread(pipe.send, None)
    taken = await _ask(port, pid, args.rounds * INTERVAL_SECONDS)
    await asyncio.to_thread(pipe.send, None)
    report = await asyncio.to_thread(pipe.recv)
    stop.set()
    await task
    return taken, report


def _p50_p99(times: list[float]) -> tuple[float, float]:
    cuts = statistics.quantiles(times, n=100)
    return cuts[49], cuts[98]


def main() -> int:
    """Print the figures; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.viz", description=__doc__)
    parser.add_argument("--pods", type=int, default=1000)
    parser.add_argument("--series", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=6, help="of ten seconds")
    args = parser.parse_args()
    pages_port = free_port()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_start, args=(theirs, args, pages_port), daemon=True)
    server.start()
    os.sched_setaffinity(0, {PAGES_CORE % (os.cpu_count() or 1)})
    taken, (used, memory, failed) = uvloop.run(_measure(ours, server.pid or 0, args, pages_port))
    server.join(20)
    print(f"{args.pods} pods with {args.series} series each, every {INTERVAL_SECONDS:.0f} s; {failed} not scraped")
    print(f"  {used * 100:.0f} % of one core (bar {BAR_CPU * 100:.0f} %), {memory:.0f} MB (bar {BAR_MEMORY_MB:.0f} MB)")
    worst = 0.0
    for name, times in taken.items():
        p50, p99 = _p50_p99([took for took, _ in times])
        alone = "{:.0f} and {:.0f} ms".format(*_p50_p99([took for _, took in times]))
        print(
            f"  {name:20} p50 {p50:4.0f} ms  p99 {p99:4.0f} ms  (bar {BAR_P99_MS:.0f} ms), {len(times)} asked; {alone}"
        )
        worst = max(worst, p99 if name.startswith("stat") else 0.0)
    print("  (last: without the time that the two processes were ready to run and their cores were not free)")
    return 0 if used <= BAR_CPU and memory <= BAR_MEMORY_MB and worst <= BAR_P99_MS and not failed else 1


if __name__ == "__main__":
    sys.exit(main())

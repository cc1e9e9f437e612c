"""`python -m bench.injector [--rate 500] [--seconds 10]`: latencies of admission reviews, as an API server sends them.

One replica in a process of its own on one core, TLS as always, a pod that gets a sidecar in every review, sent at an
even rate over 32 connections (open loop: a review that waits counts). The bar: p99 at most 10 ms.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import time
from multiprocessing.connection import Connection

import aiohttp
from services.injector.tests.helpers import HOST, pod, review, running, seed

from linkerd_runtime import logs
from linkerd_testkit.kube import fake_kube

SERVER_CORE, CLIENT_CORE = 0, 1
BAR_MS = 10.0
CONNECTIONS = 32


async def _replica(pipe: Connection) -> None:
    async with fake_kube() as kube:
        seed(kube)
        async with running(kube) as injector:
            await injector.ready()
            pipe.send((injector.service.port, injector.ca()))
            before = time.process_time()
            await asyncio.to_thread(pipe.recv)
            pipe.send(time.process_time() - before)


def _serve(pipe: Connection) -> None:
    import uvloop

    os.sched_setaffinity(0, {SERVER_CORE})
    logs.configure("info", "plain")
    uvloop.run(_replica(pipe))


async def _load(port: int, ca: str, rate: int, seconds: int) -> list[float]:
    context = ssl.create_default_context(cadata=ca)
    body = json.dumps(review(pod())).encode()
    url = f"https://127.0.0.1:{port}/"
    taken: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:

        async def one(due: float) -> None:
            async with session.post(url, data=body, ssl=context, server_hostname=HOST) as response:
                answer = json.loads(await response.read())
            assert answer["response"]["patch"], "not injected"
            taken.append((time.perf_counter() - due) * 1000)

        for _ in range(20):
            await one(time.perf_counter())
        taken.clear()
        begin = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for index in range(rate * seconds):
                due = begin + index / rate
                await asyncio.sleep(due - time.perf_counter())
                group.create_task(one(due))
    return taken


def main() -> int:
    """Print the figures; 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500, help="reviews a second")
    parser.add_argument("--seconds", type=int, default=10)
    args = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    os.sched_setaffinity(0, {CLIENT_CORE % (os.cpu_count() or 1)})
    port, ca = ours.recv()
    taken = asyncio.run(_load(port, ca, args.rate, args.seconds))
    ours.send(None)
    cpu_ms = ours.recv() * 1000 / len(taken)
    server.join(10)
    cuts = statistics.quantiles(taken, n=100)
    print(f"{len(taken)} reviews at {args.rate}/s: p50 {cuts[49]:.2f} ms, p95 {cuts[94]:.2f} ms, p99 {cuts[98]:.2f} ms")
    print(f"{cpu_ms:.2f} ms of CPU a review: at most {1000 / cpu_ms:.0f}/s on one core")
    return 0 if cuts[98] <= BAR_MS else 1


if __name__ == "__main__":
    sys.exit(main())

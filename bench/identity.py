"""`python -m bench.identity [--seconds N]`: how many certificates a second one core of identity issues.

The shipped service on a core of its own, over kept-alive HTTPS (and over a new connection for each); Kubernetes
is the testkit's, whose TokenReview answers from a table: it and the load share the other core. Figures: certificates
per second of identity's CPU time (what one core can do), as measured on the wire, and latencies at 200 a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import aiohttp
import uvloop

from bench.process import Process, free_port
from linkerd_contract import codec, names
from linkerd_contract.identity import CERTIFY_PATH, CertifyRequest
from linkerd_identity.app import IdentityService
from linkerd_identity.settings import Settings
from linkerd_kube import KubeClient
from linkerd_runtime import logs, pki, process, tls
from linkerd_runtime.keygen import make_csr
from linkerd_testkit.kube import FakeKube, fake_kube
from linkerd_testkit.ports import eventually

SERVICE_CORE = 0
PODS = 5000
ACCOUNTS = 50
BAR_PER_CPU_SECOND = 1000.0
BAR_P99_MS = 20.0
SERVER_NAME = names.identity_name("linkerd-identity", names.LINKERD_NAMESPACE)
BUNDLE = f"/api/v1/namespaces/{names.LINKERD_NAMESPACE}/configmaps/{names.TRUST_ROOTS_CONFIG_MAP}"


@dataclass(frozen=True)
class Result:
    """One load."""

    name: str
    certificates: int
    per_second: float
    per_cpu_second: float
    p50_ms: float
    p99_ms: float


class Service:
    """`linkerd-identity` against the testkit's Kubernetes."""

    def __init__(self, kube: FakeKube, directory: Path) -> None:
        self.port = free_port()
        env = {
            "LINKERD_LISTEN_ADDR": f"127.0.0.1:{self.port}",
            "LINKERD_ADMIN_ADDR": f"127.0.0.1:{free_port()}",
            "LINKERD_IDENTITY_DIR": str(directory / "end-entity"),
        }
        command = [sys.executable, "-m", "bench.identity", "--serve", kube.url]
        env["PYTHONPATH"] = str(Path(__file__).parents[1])
        self.process = Process("identity", command, SERVICE_CORE, directory, env)


def requests(kube: FakeKube) -> Iterator[bytes]:
    """HTTP/1.1 requests of many pods, again and again; their tokens are good in `kube`."""
    made = []
    key = pki.new_key()
    for number in range(PODS):
        account = f"account-{number % ACCOUNTS}"
        identity = names.identity_name(account, "bench")
        kube.account(f"token-{number}", "bench", account, f"pod-{number}")
        body = codec.encode(CertifyRequest(identity, make_csr(key, identity).decode(), f"token-{number}"))
        head = f"POST {CERTIFY_PATH} HTTP/1.1\r\nhost: identity\r\ncontent-length: {len(body)}\r\n\r\n"
        made.append(head.encode() + body)
    return cycle(made)


class Client:
    """One connection that asks again and again."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._port = port
        self._context = context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> None:
        """One certificate. Raises RuntimeError for anything else."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname=SERVER_NAME
            )
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(body.decode())

    async def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def closed_loop(
    service: Service, made: Iterator[bytes], context: ssl.SSLContext, seconds: float, *, keep: bool
) -> Result:
    """16 clients, each asking as soon as it was answered."""
    until = time.monotonic() + seconds
    took: list[float] = []

    async def one() -> None:
        client = Client(service.port, context)
        while time.monotonic() < until:
            began = time.monotonic()
            await client.ask(next(made))
            took.append(time.monotonic() - began)
            if not keep:
                await client.close()
        await client.close()

    cpu, began = service.process.cpu_seconds(), time.monotonic()
    await asyncio.gather(*(one() for _ in range(16)))
    spent = time.monotonic() - began
    return _result("kept alive" if keep else "new connections", took, spent, service.process.cpu_seconds() - cpu)


async def open_loop(
    service: Service, made: Iterator[bytes], context: ssl.SSLContext, seconds: float, rate: float
) -> Result:
    """`rate` requests a second, whether the last ones were answered or not; times count from when they were due."""
    clients = [Client(service.port, context) for _ in range(32)]
    free: asyncio.Queue[Client] = asyncio.Queue()
    for client in clients:
        await client.ask(next(made))
        free.put_nowait(client)
    took: list[float] = []

    async def one(due: float) -> None:
        client = await free.get()
        await client.ask(next(made))
        took.append(time.monotonic() - due)
        free.put_nowait(client)

    cpu, began = service.process.cpu_seconds(), time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for number in range(round(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.create_task(one(due))
    spent = time.monotonic() - began
    for client in clients:
        await client.close()
    return _result(f"{rate:g}/s", took, spent, service.process.cpu_seconds() - cpu)


def _result(name: str, took: list[float], spent: float, cpu: float) -> Result:
    cuts = statistics.quantiles(took, n=100)
    return Result(name, len(took), len(took) / spent, len(took) / max(cpu, 0.01), cuts[49] * 1e3, cuts[98] * 1e3)


async def measure(seconds: float) -> list[Result]:
    """All loads, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with fake_kube() as kube:
            made = requests(kube)
            service = Service(kube, directory)
            try:
                await asyncio.to_thread(service.process.wait_listening, service.port)
                await eventually(lambda: BUNDLE in kube.objects, what="the trust bundle")
                context = tls.client_context(kube.objects[BUNDLE]["data"][names.TRUST_ROOTS_KEY])
                await closed_loop(service, made, context, 1.0, keep=True)
                return [
                    await closed_loop(service, made, context, seconds, keep=True),
                    await closed_loop(service, made, context, seconds, keep=False),
                    await open_loop(service, made, context, seconds, 200.0),
                ]
            finally:
                service.process.stop()


def _verdict(good: bool) -> str:
    return "reached" if good else "NOT reached"


def serve(url: str) -> None:
    """The service as its __main__ runs it, but for how it finds Kubernetes: here it is told."""
    settings = Settings.from_env(os.environ)
    logs.configure(settings.log_level, "plain")

    async def run(stop: process.Stop) -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await IdentityService(settings, KubeClient(url, session)).run(stop)

    process.run(run)


def main() -> None:
    """Print a table, and the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each load (default 10)")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    results = uvloop.run(measure(options.seconds))
    print(f"{'load':<18}{'certificates':>14}{'/s':>10}{'/CPU s':>10}{'p50 ms':>10}{'p99 ms':>10}")
    for result in results:
        print(
            f"{result.name:<18}{result.certificates:>14}{result.per_second:>10.0f}{result.per_cpu_second:>10.0f}"
            f"{result.p50_ms:>10.1f}{result.p99_ms:>10.1f}"
        )
    kept, _, paced = results
    good = kept.per_cpu_second >= BAR_PER_CPU_SECOND, paced.p99_ms <= BAR_P99_MS
    print(f"kept alive, certificates per CPU second: bar >= {BAR_PER_CPU_SECOND:g}: {_verdict(good[0])}")
    print(f"{paced.name}, p99: bar <= {BAR_P99_MS:g} ms: {_verdict(good[1])}")
    print(json.dumps([asdict(result) for result in results]))


if __name__ == "__main__":
    main()

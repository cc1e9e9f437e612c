"""One run: a cluster of some size, the shipped service, its proxies, and what is measured of them."""

from __future__ import annotations

import asyncio
import random
import ssl
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from aiohttp import web

from bench.destination.api import ReplayApi
from bench.destination.cluster import DOMAIN, PER_SERVICE, Cluster, namespace_of, slice_of
from bench.destination.proxies import Proxy, connect
from bench.process import Process, free_port
from linkerd_contract import names
from linkerd_contract.codec import decode, encode
from linkerd_contract.identity import CERTIFY_PATH, CertifyRequest, CertifyResponse
from linkerd_runtime import tls
from linkerd_runtime.process import serve
from linkerd_testkit.certs import Authority

SERVICE_CORE, LOAD_CORE = 0, 1
PROXIES = 1000
TARGETS_EACH = 20
TARGETS = 1000
STRIDE = TARGETS // TARGETS_EACH
"""Between a proxy's targets, so that each has as many readers as a proxy has targets."""
SPACES = 50
"""Namespaces of the proxies."""
POPULAR = TARGETS_EACH + 1
"""The id of the watch that all proxies have in common."""
SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
SERVER_NAME = names.identity_name("linkerd-destination", names.LINKERD_NAMESPACE)
_SYNC_SECONDS = 180.0


@dataclass
class Figures:
    """Seconds, bytes, milliseconds."""

    services: int
    policies: int
    sync_seconds: float = 0.0
    sync_bytes: int = 0
    first_answers_seconds: float = 0.0
    connected_bytes: int = 0
    changes: int = 0
    change_p50_ms: float = 0.0
    change_p99_ms: float = 0.0
    change_max_ms: float = 0.0
    cpu_ms_per_change: float = 0.0
    core_wait_share: float = 0.0
    """Of the churn's time: ready to run, its core taken by something else. Latencies count only where this is small."""
    popular_p50_ms: float = 0.0
    popular_p99_ms: float = 0.0
    memory_by_minute: list[int] = field(default_factory=list)
    slow_reader_bytes: int = 0
    slow_reader_cut_seconds: float | None = None


class Destination:
    """`linkerd-destination` on its core, with an identity that signs what it is sent."""

    def __init__(self, url: str, identity_port: int, directory: Path) -> None:
        (directory / "end-entity").mkdir()
        (directory / "token").write_text("a token")
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "bench",
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": "bench"}}],
            "clusters": [{"name": "bench", "cluster": {"server": url}}],
            "users": [{"name": "bench", "user": {"token": "t"}}],
        }
        (directory / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        self.port, self.admin = free_port(), free_port()
        env = {
            "KUBECONFIG": str(directory / "kubeconfig"),
            "LINKERD_IDENTITY_ADDR": f"127.0.0.1:{identity_port}",
            "LINKERD_IDENTITY_DIR": str(directory / "end-entity"),
            "LINKERD_TOKEN_FILE": str(directory / "token"),
            "LINKERD_LISTEN_ADDR": f"127.0.0.1:{self.port}",
            "LINKERD_ADMIN_ADDR": f"127.0.0.1:{self.admin}",
            "LINKERD_DEBUG_ADDR": f"127.0.0.1:{free_port()}",
        }
        self.process = Process(
            "destination", [sys.executable, "-m", "linkerd_destination"], SERVICE_CORE, directory, env
        )

    async def ready(self) -> None:
        """Until /ready says so. Raises TimeoutError with the log."""
        deadline = time.monotonic() + _SYNC_SECONDS
        while time.monotonic() < deadline:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.admin)
                writer.write(b"GET /ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                answer = await reader.read()
                writer.close()
                if answer.startswith(b"HTTP/1.1 200"):
                    return
            except OSError:
                pass
            await asyncio.sleep(0.1)
        raise TimeoutError(self.process.log.read_text(errors="replace")[-3000:])


class Run:
    """The parts, and what proxies were told."""

    def __init__(self, services: int, directory: Path, seed: int = 1) -> None:
        self.cluster = Cluster(services)
        self.figures = Figures(services, self.cluster.policies)
        self._directory = directory
        self._random = random.Random(seed)
        self._authority = Authority()
        stride = services // TARGETS
        self.targets = [n * stride for n in range(TARGETS)]
        self.popular = 1 if stride > 1 else 0
        self.proxies: list[Proxy] = []
        self._readers: dict[int, int] = defaultdict(int)
        self._answers = 0
        self._open: dict[int, tuple[float, int]] = {}
        self.latencies: list[float] = []

    async def start(self) -> None:
        """Everything up; the time of the first sync is taken."""
        anchors = self._authority.anchors.replace("\n", "\\n")
        bundle = f'"metadata":{{"name":"{names.TRUST_ROOTS_CONFIG_MAP}","namespace":"linkerd","resourceVersion":"1"}}'
        config = {names.TRUST_ROOTS_CONFIG_MAP: f'{{{bundle},"data":{{"{names.TRUST_ROOTS_KEY}":"{anchors}"}}}}'}
        self.api = ReplayApi(self.cluster, config)
        url = await self.api.start()
        chain, key = self._authority.leaf(names.identity_name("linkerd-identity", "linkerd")).write(
            self._directory / "identity"
        )
        app = web.Application()
        app.router.add_post(CERTIFY_PATH, self._certify)
        self._identity = await serve(app, "127.0.0.1", 0, tls.server_context(str(chain), str(key)))
        began = time.monotonic()
        self.destination = Destination(url, self._identity.addresses[0][1], self._directory)
        try:
            await self.destination.ready()
        except BaseException:
            self.destination.process.stop()
            raise
        self.figures.sync_seconds = time.monotonic() - began
        self.figures.sync_bytes = self.memory()

    async def _certify(self, request: web.Request) -> web.Response:
        asked = decode(await request.read(), CertifyRequest)
        chain, end = self._authority.sign(asked.csr)
        answer = CertifyResponse(chain=chain, valid_until=end.isoformat(), trust_bundle=self._authority.anchors)
        return web.Response(body=encode(answer), content_type="application/json")

    async def stop(self) -> None:
        """Everything down."""
        for proxy in self.proxies:
            proxy.close()
        self.destination.process.stop()
        await self._identity.cleanup()
        await self.api.stop()

    def memory(self) -> int:
        """Resident bytes of the service."""
        return self.destination.process.memory().rss

    def _told(self, proxy: int) -> Told:
        return Told(self, proxy)

    def told(self, proxy: int, ident: int, now: float) -> None:
        """One proxy has the whole of an answer."""
        self._answers += 1
        target = self.popular if ident == POPULAR else self.targets[(proxy + STRIDE * (ident - 1)) % TARGETS]
        waiting = self._open.get(target)
        if waiting is None:
            return
        sent, left = waiting
        if left > 1:
            self._open[target] = (sent, left - 1)
            return
        del self._open[target]
        self.latencies.append(now - sent)

    async def connect(self) -> None:
        """All proxies, each with its watches; until every watch is answered."""
        contexts = [self._context(f"ns-{n}") for n in range(SPACES)]
        began = time.monotonic()
        permits = asyncio.Semaphore(32)

        async def one(number: int) -> None:
            space = number // TARGETS_EACH % SPACES
            async with permits:
                proxy = await connect(self.destination.port, contexts[space], SERVER_NAME, self._told(number))
            self.proxies.append(proxy)
            proxy.hello(f"ns-{space}/proxy-{number}", f"z{number % 3}")
            for ident in range(1, TARGETS_EACH + 1):
                target = self.targets[(number + STRIDE * (ident - 1)) % TARGETS]
                self._readers[target] += 1
                proxy.watch(ident, f"svc-{target}.{namespace_of(target)}.{DOMAIN}:80")
            self._readers[self.popular] += 0 if self.popular in self.targets else 1
            proxy.watch(POPULAR, f"svc-{self.popular}.{namespace_of(self.popular)}.{DOMAIN}:80")

        await asyncio.gather(*(one(number) for number in range(PROXIES)))
        await self._until(lambda: self._answers >= PROXIES * (TARGETS_EACH + 1), 120)
        self.figures.first_answers_seconds = time.monotonic() - began
        self.figures.connected_bytes = self.memory()

    def _context(self, namespace: str) -> ssl.SSLContext:
        paths = self._authority.workload("app", namespace).write(self._directory / namespace)
        return tls.client_context(self._authority.anchors, *map(str, paths))

    async def _until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                log = self.destination.process.log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"{self._answers} answers, open {list(self._open.items())[:3]}\n{log}")
            await asyncio.sleep(0.02)

    def change(self, target: int, readers: int, number: int) -> None:
        """One endpoint of a Service goes, or comes back."""
        self._open[target] = (time.monotonic(), readers)
        count = PER_SERVICE - 1 + number % 2
        self.api.send(SLICES, "MODIFIED", slice_of(target, count, self.api.version + 1))

    async def churn(self, seconds: float, per_second: float) -> None:
        """Changes at a rate, one Service after the other, and what they cost beyond an idle mesh."""
        idle = await self._idle_cpu(5.0)
        self.latencies.clear()
        cpu, began = self.destination.process.cpu_seconds(), time.monotonic()
        waited = self._waited()
        changes = round(seconds * per_second)
        popular = {self.popular}
        minute = 0
        for number in range(changes):
            await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
            target = self.targets[number % TARGETS]
            if target not in popular:
                self.change(target, TARGETS_EACH, number // TARGETS)
            if time.monotonic() - began > 60 * minute:
                self.figures.memory_by_minute.append(self.memory())
                minute += 1
        await self._until(lambda: not self._open, 30)
        spent = time.monotonic() - began
        self.figures.core_wait_share = (self._waited() - waited) / spent
        used = self.destination.process.cpu_seconds() - cpu - idle * spent
        self.figures.memory_by_minute.append(self.memory())
        found = sorted(1000 * latency for latency in self.latencies)
        self.figures.changes = len(found)
        self.figures.change_p50_ms = statistics.median(found)
        self.figures.change_p99_ms = found[int(0.99 * (len(found) - 1))]
        self.figures.change_max_ms = found[-1]
        self.figures.cpu_ms_per_change = 1000 * used / max(1, len(found))

    def _waited(self) -> float:
        """Seconds for which the service was ready to run and did not."""
        fields = Path(f"/proc/{self.destination.process.pid}/schedstat").read_text().split()
        return int(fields[1]) / 1e9

    async def _idle_cpu(self, seconds: float) -> float:
        """Seconds of CPU per second, of pings alone."""
        cpu = self.destination.process.cpu_seconds()
        await asyncio.sleep(seconds)
        return (self.destination.process.cpu_seconds() - cpu) / seconds

    async def popular_changes(self, changes: int) -> None:
        """A Service that all proxies read, twice a second."""
        self.latencies.clear()
        for number in range(changes):
            self.change(self.popular, PROXIES, number)
            await self._until(lambda: not self._open, 30)
            await asyncio.sleep(0.5)
        found = sorted(1000 * latency for latency in self.latencies)
        self.figures.popular_p50_ms = statistics.median(found)
        self.figures.popular_p99_ms = found[int(0.99 * (len(found) - 1))]

    async def slow_reader(self, seconds: float) -> None:
        """A proxy stops reading while its targets change; what it costs, and when it is cut."""
        proxy, *_ = self.proxies
        number = 0
        before, began = self.memory(), time.monotonic()
        proxy.stop_reading()
        targets = [self.targets[STRIDE * k % TARGETS] for k in range(TARGETS_EACH)]
        most = before
        while time.monotonic() - began < seconds:
            for target in targets:
                self.change(target, PROXIES, number)  # never complete: one does not read
            number += 1
            await asyncio.sleep(0.4)
            most = max(most, self.memory())
            if self.figures.slow_reader_cut_seconds is None and await self._connections() < PROXIES:
                self.figures.slow_reader_cut_seconds = time.monotonic() - began
                break
        self.figures.slow_reader_bytes = most - before
        self._open.clear()

    async def _connections(self) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.destination.admin)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        answer = (await reader.read()).decode()
        writer.close()
        line = next(one for one in answer.splitlines() if one.startswith("destination_connections "))
        return int(float(line.split()[1]))


class Told:
    """A proxy's answers, with its number."""

    __slots__ = ("_proxy", "_run")

    def __init__(self, run: Run, proxy: int) -> None:
        self._run, self._proxy = run, proxy

    def __call__(self, ident: int, now: float) -> None:
        self._run.told(self._proxy, ident, now)

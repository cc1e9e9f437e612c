"""One sidecar, wired: certificate, discovery, both directions, admin server, drain.

Start: the admin server is up first and not ready; listeners open when the first certificate is there. Stop: inbound
accepts nothing new and finishes what runs; outbound goes on for the application, which may be finishing too, until
neither has a connection left or the grace period is over.
"""

import asyncio
import gc
import logging
import os
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from linkerd_contract.explain import pod_tag
from linkerd_proxy import heap
from linkerd_proxy.admin import DECISIONS, Admin, admin_app
from linkerd_proxy.admin.loglevel import LogLevel
from linkerd_proxy.control import DiscoveryClient
from linkerd_proxy.control.resolver import CountedResolver
from linkerd_proxy.control.spans import SpanExporter
from linkerd_proxy.datapath import DataPath
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.tracing import Tracer
from linkerd_proxy.overrides import Overrides
from linkerd_proxy.settings import Settings
from linkerd_proxy.tap import FollowingTaps, TapServer
from linkerd_proxy.telemetry.decisions import Decisions
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.telemetry.process import ProcessMetrics
from linkerd_proxy.transport.listen import bind
from linkerd_proxy.workers import METRICS, Followers, Leader, Orders
from linkerd_runtime.bad_requests import guard
from linkerd_runtime.certify import Certifier, CertifySettings, Credentials
from linkerd_runtime.process import Stop

log = logging.getLogger(__name__)

GC_THRESHOLDS = (20_000, 50, 100)
"""Young collections are rare: the data path makes no cycles, so there is little to find."""
EVICT_SECONDS = 60.0
CLOSE_SECONDS = 2.0
WAITING_SECONDS = 15.0
"""How often a missing certificate is complained about (Linkerd)."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is not in Settings."""

    environment: Mapping[str, str]
    """What /env.json shows."""
    log_level: LogLevel
    overrides: Overrides
    followers: int = 0
    """Workers beside the first one, which is this process."""
    leader: Leader | None = None
    """The first worker, where this process is not it."""


class Proxy:
    """One worker of a sidecar."""

    def __init__(self, loop: asyncio.AbstractEventLoop, settings: Settings, options: Options, stop: Stop) -> None:
        self._loop = loop
        self._settings = settings
        self._options = options
        self._stop = stop
        self.metrics = Metrics()
        self.metrics.registry.collect(ProcessMetrics())
        context = settings.destination.context
        # Ids of all workers, also of those that took the place of others, are different.
        before = 0 if options.leader is None else os.getpid() << 24
        decisions = Decisions(pod_tag(context.namespace, context.pod), before=before)
        self.runtime = Runtime(loop, self.metrics, decisions)
        self._credentials: Credentials | None = None
        self._chain: bytes | None = None
        self._certified = asyncio.Event()
        self.ready = False
        disabled = settings.identity.disabled
        self._discovery = DiscoveryClient(
            settings.destination,
            None if disabled else lambda: self._credentials,
            self.metrics,
            outbound_idle_seconds=settings.outbound.base.discovery_idle_ms / 1000,
            inbound_idle_seconds=settings.inbound.base.discovery_idle_ms / 1000,
        )
        self.path = DataPath(self.runtime, settings, options.overrides, self._discovery)
        self._followers: Followers | None = None
        if options.followers:
            restarts = self.metrics.registry.counter(
                "proxy_worker_restarts_total", "Workers that ended and were started again."
            )
            self._followers = Followers(options.followers, restarts.labels())
        self._spans = self._trace()
        self._tap: TapServer | None = None
        if settings.tap.svc_name is not None and not disabled and options.leader is None:
            runtime, tap = self.runtime, settings.tap
            self._tap = TapServer(tap.listen_addr, settings.tap.svc_name, runtime.hooks, runtime.turn, self._followers)

    def _trace(self) -> SpanExporter | None:
        settings = self._settings.tracing
        if settings is None:
            return None
        context = self._settings.destination.context
        resource = {
            "service.name": settings.service_name,
            "k8s.namespace.name": context.namespace,
            "k8s.pod.name": context.pod,
            "k8s.node.name": context.node,
        }
        counts = self.metrics.spans
        exporter = SpanExporter(
            settings, resource, counts.labels("exported"), counts.labels("dropped"), lambda: self._credentials
        )
        self.runtime.hooks.add(Tracer(exporter.put, self.runtime.turn, random.getrandbits).hook)
        return exporter

    async def run(self) -> None:
        """Until asked to stop, and drained. Raises OSError where an address cannot be listened on."""
        runner = await self._start_admin() if self._options.leader is None else None
        try:
            await self._start()
            if not self._stop.requested:
                await self._stop.wait()
            self.ready = False
            await self._drain(self._settings.shutdown_grace_ms / 1000)
        finally:
            if self._tap is not None:
                await self._tap.close()
            self.path.close()
            await self.runtime.tasks.cancel()
            self.runtime.wheel.close()
            if runner is not None:
                await runner.cleanup()

    async def _drain(self, grace_seconds: float) -> None:
        if self._followers is None:
            await self.path.drain(grace_seconds)
        else:
            await asyncio.gather(self.path.drain(grace_seconds), self._followers.drain(grace_seconds))

    # Start.

    async def _start_admin(self) -> web.AppRunner:
        settings = self._settings.admin
        followers = self._followers
        admin = Admin(
            registry=self.metrics.registry,
            ready=lambda: self.ready and (followers is None or followers.ready),
            followers=followers,
            environment=self._options.environment,
            log_level=self._options.log_level,
            certificate=lambda: self._chain,
            decisions=self.runtime.decisions,
            shutdown=self._stop.request if settings.shutdown_endpoint else None,
        )
        runner = web.AppRunner(admin_app(admin), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        guard(runner.server)
        try:
            await web.SockSite(runner, bind(settings.listen_addr)).start()
        except BaseException:
            await runner.cleanup()
            raise
        return runner

    async def _start(self) -> None:
        leader = self._options.leader
        if self._followers is not None:
            self._stop.spawn("the other workers", self._followers.run())
        if leader is not None:
            await leader.connect()
            self._stop.spawn("following the first worker", self._follow(leader))
        if not self._settings.identity.disabled:
            if leader is None:
                self._stop.spawn("certify", self._certifier().run())
            await self._first_certificate()
            if self._stop.requested:
                return
        self._stop.spawn("discovery", self._discovery.run())
        if self._spans is not None:
            self._stop.spawn("spans of traces", self._spans.run())
        self._stop.spawn("eviction of idle metrics", self._evict())
        self._discovery.inbound(self.path.policy.on_update)
        if self._tap is not None:
            await self._tap.start()
        self.path.listen(reuse_port=self._followers is not None or leader is not None)
        self.ready = True
        if leader is not None:
            leader.ready()
        # What is here now stays: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        heap.trim()

    async def _follow(self, leader: Leader) -> None:
        answers = {METRICS: self.metrics.registry.render, DECISIONS: self.runtime.decisions.all}
        runtime = self.runtime
        taps = FollowingTaps(runtime.hooks, runtime.turn, runtime.tasks, leader.tapped)
        orders = Orders(self._on_credentials, self._options.log_level.set, self._stop.request, taps.order)
        await leader.follow(orders, answers)

    async def _first_certificate(self) -> None:
        """Until it is there, or the process is asked to stop."""
        stopped = asyncio.ensure_future(self._stop.wait())
        certified = asyncio.ensure_future(self._certified.wait())
        try:
            while not stopped.done() and not certified.done():
                await asyncio.wait((stopped, certified), timeout=WAITING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if not stopped.done() and not certified.done():
                    log.warning("waiting for identity to be certified by %s", self._settings.identity.svc_addr)
        finally:
            for waiter in (stopped, certified):
                waiter.cancel()
            await asyncio.gather(stopped, certified, return_exceptions=True)

    def _certifier(self) -> Certifier:
        identity = self._settings.identity
        return Certifier(
            CertifySettings(
                server_addr=str(identity.svc_addr),
                server_name=identity.svc_name,
                identity=identity.local_name,
                token_file=identity.token_file,
                directory=identity.dir,
                trust_anchors=identity.trust_anchors,
                min_refresh_seconds=identity.min_refresh_ms / 1000,
                max_refresh_seconds=identity.max_refresh_ms / 1000,
            ),
            self._on_credentials,
            self.metrics.control_calls(str(identity.svc_addr), identity.svc_name),
            CountedResolver(self.metrics.dns_resolutions, "identity"),
        )

    def _on_credentials(self, credentials: Credentials) -> None:
        try:
            self.runtime.tls.update(credentials)
            if self._tap is not None:
                self._tap.update(credentials)
            self._chain = Path(credentials.chain_path).read_bytes()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            log.error("the new certificate cannot be used: %s", error)
            self.metrics.identity.refreshes.labels("error").value += 1
            return
        self._credentials = credentials
        identity = self.metrics.identity
        identity.expiration.value = credentials.not_after
        identity.refreshed.value = time.time()
        identity.refreshes.labels("success").value += 1
        self._discovery.credentials_changed()
        self._certified.set()
        if self._followers is not None:
            self._followers.certified(credentials)

    async def _evict(self) -> None:
        retain = self._settings.admin.metrics_retain_idle_ms / 1000
        while True:
            await asyncio.sleep(EVICT_SECONDS)
            self.metrics.registry.evict(self._loop.time(), retain)


async def main(settings: Settings, options: Options, stop: Stop) -> int:
    """Run one proxy; the exit code."""
    try:
        proxy = Proxy(asyncio.get_running_loop(), settings, options, stop)
        await proxy.run()
    except OSError as error:
        log.error("cannot start: %s", error.strerror or error)
        return 1
    finally:
        # Bounded: a background task that misses its cancellation must not keep a drained proxy from ending.
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await stop.close()
    return 1 if stop.failed else 0

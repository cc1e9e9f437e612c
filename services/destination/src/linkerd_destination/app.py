"""Wires the rooms together: watches into the index, topics to proxies, a certificate of our own.

Order: admin first, so that /ready can say what is lacking; then the cluster; the trust bundle from it; a certificate
from identity; and the listener once it has one. Nothing that is lacking ends the process.
"""

import asyncio
import functools
import gc
import logging
import ssl
from collections.abc import Mapping

from aiohttp import web

from linkerd_destination.api.debug import debug_app
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.api.server import WatchServer
from linkerd_destination.api.topics import Topics
from linkerd_destination.index.state import Index
from linkerd_destination.settings import Settings
from linkerd_destination.status.conditions import LEASE, StatusWriter
from linkerd_destination.status.reports import Reports
from linkerd_destination.watch.custom import KINDS, versions_of
from linkerd_destination.watch.feed import Feed
from linkerd_kube import EventRecorder, KubeClient, Leader, ObjectRef
from linkerd_kube.config import ConfigError
from linkerd_runtime import tls
from linkerd_runtime.certify import Certifier, CertifySettings, Credentials
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve

log = logging.getLogger(__name__)

_CACHES = (
    *("configuration", "trust bundle", "namespaces", "nodes", "services", "endpointslices", "pods"),
    *(kind.name for kind in KINDS),
)
_CERTIFICATE = "certificate not issued yet"
_NO_BUNDLE = "trust bundle not published yet"


class Application:
    """One destination process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.index = Index(settings.cluster)
        self.metrics = Metrics()
        self.topics = Topics(self.index, self.metrics)
        self.readiness = Readiness(*(f"cache of {name} not listed yet" for name in _CACHES), _NO_BUNDLE, _CERTIFICATE)
        self._reports = Reports()
        self._unsynced = set(_CACHES)
        self._bundle = ""
        self._credentials: Credentials | None = None
        self._context: tls.ReloadableServerContext | None = None
        self._listed = asyncio.Event()
        self._trusted = asyncio.Event()
        self._certified = asyncio.Event()
        self._runners: list[web.AppRunner] = []
        for kind in self.index.sizes():
            self.metrics.objects.labels(kind).set_function(functools.partial(self._size, kind))

    async def run(self, stop: Stop, environ: Mapping[str, str]) -> None:
        """Until `stop`. `environ` is only for finding the cluster."""
        settings = self.settings
        client: KubeClient | None = None
        try:
            admin = admin_app(self.readiness, self.metrics.registry)
            await self._serve(admin, *settings.admin)
            await self._serve(debug_app(self.index), *settings.debug)
            client = await self._connect(stop, environ)
            if client is None:
                return
            recorder = EventRecorder(client, "linkerd-destination", settings.pod_name)
            stop.spawn("watches", Feed(client, self.index, self).run(self._synced))
            stop.spawn("events", self._reports.run(recorder))
            stop.spawn("statuses", self._write_statuses(client))
            stop.spawn("certificate", self._certify())
            stop.spawn("listener", self._listen())
            await stop.wait()
        finally:
            for runner in reversed(self._runners):
                await runner.cleanup()
            if client is not None:
                await client.close()

    async def _write_statuses(self, client: KubeClient) -> None:
        """Once every cache has listed: before, what is merely not known yet would be reported as missing."""
        await self._listed.wait()
        settings = self.settings
        leader = Leader(client, settings.cluster.control_plane_namespace, LEASE, settings.pod_name)
        writer = StatusWriter(client, self.index, versions_of, leader)
        self.topics.listeners.append(writer.on_facts)
        await writer.run()

    async def _connect(self, stop: Stop, environ: Mapping[str, str]) -> KubeClient | None:
        while not stop.requested:
            try:
                return await KubeClient.connect(environ=environ)
            except ConfigError as error:
                reason = f"Kubernetes API not configured: {error}"
                log.warning("%s", reason)
            self.readiness.lacks(reason)
            try:
                async with asyncio.timeout(5.0):
                    await stop.wait()
            except TimeoutError:
                self.readiness.has(reason)
        return None

    async def _serve(self, app: web.Application, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        runner = await serve(app, host, port, context)
        self._runners.append(runner)
        log.info("listening on %s", ", ".join(f"{a[0]}:{a[1]}" for a in runner.addresses))

    def _size(self, kind: str) -> float:
        return self.index.sizes()[kind]

    # -- Sink of the watches

    def on_change(self) -> None:
        """The index has changed."""
        self.topics.on_change()

    def on_trust(self, bundle: str) -> None:
        """The trust bundle was read, for the first time or anew."""
        if bundle == self._bundle:
            return
        self._bundle = bundle
        self._trusted.set()
        self.readiness.has(_NO_BUNDLE)
        self._swap()

    def on_event(self, kind: str) -> None:
        """An event was applied."""
        self.metrics.events.labels(kind).inc()

    def on_problem(self, ref: ObjectRef, reason: str, message: str) -> None:
        """An object cannot be used, or not wholly."""
        if self._reports.report(ref, reason, message):
            self.metrics.problems.labels(ref.kind, reason).inc()

    def _synced(self, name: str) -> None:
        self.readiness.has(f"cache of {name} not listed yet")
        self._unsynced.discard(name)
        if not self._unsynced:
            log.info("every cache has listed: %s", self.index.sizes())
            # What there is now stays: later collections walk over what came since, not over the whole cluster.
            gc.collect()
            gc.freeze()
            self.topics.open()
            self._listed.set()

    # -- Certificate

    async def _certify(self) -> None:
        await self._trusted.wait()
        settings = self.settings
        certifier = Certifier(
            CertifySettings(
                server_addr=settings.identity_addr,
                server_name=settings.identity_name,
                identity=settings.identity,
                token_file=settings.token_file,
                directory=settings.identity_dir,
                trust_anchors=self._bundle,
            ),
            self._on_credentials,
        )
        await certifier.run()

    def _on_credentials(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._swap()

    def _swap(self) -> None:
        """Later handshakes use the certificate and the bundle as they are now; open connections go on."""
        if self._credentials is None:
            return
        # Both are current, and during a rotation either may be the first to hold a new anchor.
        anchors = f"{self._bundle}\n{self._credentials.trust_bundle}"
        try:
            context = tls.server_context(self._credentials.chain_path, self._credentials.key_path, anchors)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            log.error("the certificate or the trust bundle cannot be used: %s", error)
            return
        if self._context is None:
            self._context = tls.ReloadableServerContext(context)
        else:
            self._context.swap(context)
        self._certified.set()

    async def _listen(self) -> None:
        await self._certified.wait()
        assert self._context is not None
        server = WatchServer(self.topics, self.metrics, self.settings.cluster)
        await self._serve(server.app, *self.settings.listen, self._context.context)
        self.readiness.has(_CERTIFICATE)  # ready means that proxies are answered
        await asyncio.Event().wait()

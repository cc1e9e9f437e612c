"""Wires the injector: admin first, then the serving certificate, then the listener."""

import gc
import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from linkerd_injector.cluster import ClusterView
from linkerd_injector.events import Events
from linkerd_injector.keeper import CertificateKeeper
from linkerd_injector.metrics import Metrics
from linkerd_injector.owners import Owners
from linkerd_injector.settings import Settings
from linkerd_injector.webhook import Webhook
from linkerd_kube import EventRecorder, KubeClient
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve

log = logging.getLogger(__name__)

LACKS_LISTENER = "not serving reviews yet"


class InjectorService:
    """One replica. `port` and `admin_port` are filled in when the listeners are open."""

    def __init__(self, settings: Settings, client: KubeClient) -> None:
        self.settings = settings
        self.readiness = Readiness(LACKS_LISTENER)
        self.registry = CollectorRegistry()
        self.port = 0
        self.admin_port = 0
        self._client = client
        self._view = ClusterView(client, settings.namespace, self.readiness)
        self._events = Events(EventRecorder(client, "linkerd-proxy-injector", settings.pod_name))
        self._webhook = Webhook(self._view, Owners(client), self._events, Metrics(self.registry))

    async def run(self, stop: Stop) -> None:
        """Until `stop`. Raises OSError where a listener cannot be opened."""
        runners: list[web.AppRunner] = []
        # The ssl module reads keys from files only; /tmp is memory in our Deployment.
        with tempfile.TemporaryDirectory(prefix="linkerd-injector-") as directory:
            keeper = CertificateKeeper(
                self.settings, self._client, Path(directory), self.readiness, lambda: datetime.now(UTC)
            )
            try:
                admin = await serve(admin_app(self.readiness, self.registry), *self.settings.admin)
                runners.append(admin)
                self.admin_port = _port(admin)
                for reflector in (*self._view.reflectors(), *keeper.reflectors()):
                    stop.spawn(f"watch of {reflector.resource}", reflector.run())
                stop.spawn("events", self._events.run())
                stop.spawn("certificate keeper", keeper.run())
                stop.spawn("listener", self._listen(stop, keeper, runners))
                stop.spawn("server version", self._version(stop))
                await stop.wait()
            finally:
                for runner in reversed(runners):
                    await runner.cleanup()

    async def _version(self, stop: Stop) -> None:
        await self._view.read_version()
        await stop.wait()

    async def _listen(self, stop: Stop, keeper: CertificateKeeper, runners: list[web.AppRunner]) -> None:
        await keeper.available.wait()
        assert keeper.context is not None
        runner = await serve(self._webhook.app(), *self.settings.listen, ssl=keeper.context.context)
        runners.append(runner)
        self.port = _port(runner)
        # What is there now stays. The collector looks at it no more: whole collections stopped reviews for 20 ms.
        gc.collect()
        gc.freeze()
        self.readiness.has(LACKS_LISTENER)
        log.info("reviews are served on %s", self.settings.listen)
        await stop.wait()


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])

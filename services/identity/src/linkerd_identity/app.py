"""Wires the identity service: admin first, then trust, then the listener, which has nothing to serve with before."""

import gc
import logging
from datetime import UTC, datetime

from aiohttp import web
from prometheus_client import CollectorRegistry

from linkerd_contract import codec
from linkerd_contract.trust import TRUST_PATH, TrustStatus
from linkerd_identity.api import Authority, CertifyApi
from linkerd_identity.events import Events
from linkerd_identity.keeper import TrustKeeper
from linkerd_identity.metrics import Metrics
from linkerd_identity.serving import ServingCertificate
from linkerd_identity.settings import Settings
from linkerd_kube import KubeClient
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve
from linkerd_runtime.silent import SilentConnections

log = logging.getLogger(__name__)

LACKS_LISTENER = "not serving certificates yet"


class IdentityService:
    """One replica. `addresses` are filled in when the listeners are open."""

    def __init__(self, settings: Settings, client: KubeClient) -> None:
        self.settings = settings
        self.readiness = Readiness(LACKS_LISTENER)
        self.signer = Authority(lambda: datetime.now(UTC))
        self.registry = CollectorRegistry()
        self.port = 0
        self.admin_port = 0
        self._events = Events(client, settings.namespace, settings.pod_name)
        self._metrics = Metrics(self.registry, self.signer.ttl_seconds)
        self._serving = ServingCertificate(settings.server_name, settings.directory, self.signer)
        self._keeper = TrustKeeper(settings, client, self.signer, self.readiness, self._events)
        self._keeper.on_issuer = self._serving.renew
        self._keeper.metrics = self._metrics
        self._api = CertifyApi(settings, client, self.signer, self._metrics, self._events)

    async def run(self, stop: Stop) -> None:
        """Until `stop`. Raises OSError where a listener cannot be opened."""
        runners: list[web.AppRunner] = []
        try:
            app = admin_app(self.readiness, self.registry)
            app.router.add_get(TRUST_PATH, self._trust)
            admin = await serve(app, *self.settings.admin)
            runners.append(admin)
            self.admin_port = _port(admin)
            stop.spawn("events", self._events.run())
            for reflector in self._keeper.reflectors():
                stop.spawn(f"watch of {reflector.resource}", reflector.run())
            stop.spawn("trust keeper", self._keeper.run())
            stop.spawn("serving certificate", self._serving.run())
            stop.spawn("listener", self._listen(stop, runners))
            await stop.wait()
        finally:
            for runner in reversed(runners):
                await runner.cleanup()

    def status(self) -> TrustStatus:
        """Where trust stands, as this replica sees it."""
        return self._keeper.status()

    async def _trust(self, _request: web.Request) -> web.Response:
        return web.Response(body=codec.encode(self.status()), content_type="application/json")

    async def _listen(self, stop: Stop, runners: list[web.AppRunner]) -> None:
        await self._serving.available.wait()
        assert self._serving.context is not None
        silent = SilentConnections()
        runner = await serve(self._api.app(silent.middleware), *self.settings.listen, ssl=self._serving.context.context)
        runners.append(runner)
        self.port = _port(runner)
        stop.spawn("silent connections", silent.run(runner))
        self.readiness.has(LACKS_LISTENER)
        # Nothing of what was made until now goes away: the collector need not look at it for each certificate.
        gc.collect()
        gc.freeze()
        log.info("certificates are served on %s", self.settings.listen)
        await stop.wait()


def _port(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])

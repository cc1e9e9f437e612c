"""Wires tap: admin first, then the cluster, a certificate of the mesh, one for the API server, and the listeners."""

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from linkerd_kube import KubeClient
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve
from linkerd_viz.discovery import Discovery
from linkerd_viz.tap.access import reviewer
from linkerd_viz.tap.keeper import Keeper
from linkerd_viz.tap.mesh import MeshIdentity
from linkerd_viz.tap.server import TapApi
from linkerd_viz.tap.settings import Settings
from linkerd_viz.tap.webhook import webhook_app

NOT_LISTED = "the cluster's pods are not listed yet"
NOT_LISTENING = "not listening yet"


async def run(settings: Settings, environ: Mapping[str, str], stop: Stop) -> None:
    """Until asked to stop. Raises ConfigError where there is no cluster."""
    readiness = Readiness(NOT_LISTED, NOT_LISTENING)
    registry = CollectorRegistry()
    runners = [await serve(admin_app(readiness, registry), settings.admin.host, settings.admin.port)]
    client = await KubeClient.connect(environ=environ)
    try:
        # The ssl module reads keys from files only; /tmp is memory in our Deployment.
        with tempfile.TemporaryDirectory(prefix="linkerd-tap-") as directory:
            life = timedelta(milliseconds=settings.certificate_life_ms)
            now = lambda: datetime.now(UTC)  # noqa: E731
            keeper = Keeper(client, settings.viz_namespace, life, Path(directory), readiness, now)
            mesh = MeshIdentity(settings, readiness)
            discovery = Discovery(client)
            api = TapApi(settings, discovery.inventory, keeper, reviewer(client), lambda: mesh.context)
            taps = Gauge("linkerd_viz_taps", "Taps that run.", registry=registry)
            taps.set_function(lambda: api.running)
            stop.spawn("discovery", discovery.run())
            stop.spawn("trust bundle", mesh.reflector(client).run())
            stop.spawn("certificate", mesh.run())
            for reflector in keeper.reflectors():
                stop.spawn(f"watch of {reflector.resource}", reflector.run())
            stop.spawn("certificate keeper", keeper.run())
            webhook = webhook_app(discovery.inventory, settings.identity)
            stop.spawn("listeners", _listen(settings, keeper, (api.app(), webhook), runners, readiness))
            stop.spawn("readiness", _synced(discovery, readiness))
            await stop.wait()
    finally:
        for runner in reversed(runners):
            await runner.cleanup()
        await client.close()


async def _listen(
    settings: Settings,
    keeper: Keeper,
    apps: tuple[web.Application, web.Application],
    runners: list[web.AppRunner],
    readiness: Readiness,
) -> None:
    await keeper.available.wait()
    assert keeper.api is not None
    assert keeper.webhook is not None
    runners.append(await serve(apps[0], *settings.listen, ssl=keeper.api.context))
    runners.append(await serve(apps[1], *settings.webhook, ssl=keeper.webhook.context))
    readiness.has(NOT_LISTENING)
    await asyncio.Event().wait()


async def _synced(discovery: Discovery, readiness: Readiness) -> None:
    await discovery.synced()
    readiness.has(NOT_LISTED)
    await asyncio.Event().wait()

"""The metrics API's process: reflectors, scraper or Prometheus, API and dashboard on loopback, the admin server."""

import asyncio
import gc
from collections.abc import Mapping

import aiohttp
from prometheus_client import CollectorRegistry

from linkerd_kube.client import KubeClient
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve
from linkerd_viz.api import metrics_app
from linkerd_viz.discovery import Discovery
from linkerd_viz.embedded import Embedded, steady_clock
from linkerd_viz.measurements import Measurements
from linkerd_viz.prometheus import Prometheus
from linkerd_viz.rollups import Rollups
from linkerd_viz.scraper import Scraper
from linkerd_viz.settings import Settings
from linkerd_viz.store import Store
from linkerd_viz.tap.forward import add_tap
from linkerd_viz.web import add_dashboard

_NOT_LISTED = "the cluster's pods are not listed yet"


async def run(settings: Settings, environ: Mapping[str, str], stop: Stop) -> None:
    """Until asked to stop. Raises ConfigError where there is no cluster."""
    readiness = Readiness(_NOT_LISTED)
    registry = CollectorRegistry()
    admin = await serve(admin_app(readiness, registry), settings.admin.host, settings.admin.port)
    client = await KubeClient.connect(environ=environ)
    session = aiohttp.ClientSession()
    try:
        discovery = Discovery(client)
        measurements = _measurements(settings, discovery, session, registry, stop)
        app = metrics_app(measurements, discovery.inventory, session)
        add_tap(app, client)
        add_dashboard(app, settings.hosts)
        api = await serve(app, settings.debug.host, settings.debug.port)
        try:
            stop.spawn("discovery", _discover(discovery, readiness))
            await stop.wait()
        finally:
            await api.cleanup()
    finally:
        await session.close()
        await client.close()
        await admin.cleanup()


def _measurements(
    settings: Settings, discovery: Discovery, session: aiohttp.ClientSession, registry: CollectorRegistry, stop: Stop
) -> Measurements:
    """Prometheus, where one is named; else our own, scraped from now on."""
    if settings.prometheus_url is not None:
        return Prometheus(session, settings.prometheus_url)
    clock = steady_clock()
    store = Store(settings.retention)
    embedded = Embedded(store, Rollups(settings.history), discovery.inventory, clock)
    scraper = Scraper(store, discovery.pods, settings, registry, clock)
    stop.spawn("scraper", _scrape(scraper, discovery, embedded))
    return embedded


async def _scrape(scraper: Scraper, discovery: Discovery, embedded: Embedded) -> None:
    await discovery.synced()
    await scraper.run(embedded.roll)


async def _discover(discovery: Discovery, readiness: Readiness) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(discovery.run())
        await discovery.synced()
        readiness.has(_NOT_LISTED)
        # What stays as long as the process is passed over by garbage collections, which answers have to wait for.
        gc.collect()
        gc.freeze()

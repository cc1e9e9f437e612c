"""The metrics API's process: reflectors, scraper, the API on loopback, the admin server."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from linkerd_kube.client import KubeClient
from linkerd_runtime.health import Readiness, admin_app
from linkerd_runtime.process import Stop, serve
from linkerd_viz.api import metrics_app
from linkerd_viz.discovery import Discovery
from linkerd_viz.scraper import Scraper
from linkerd_viz.settings import Settings
from linkerd_viz.store import Store

_NOT_LISTED = "the cluster's pods are not listed yet"


async def run(settings: Settings, environ: Mapping[str, str], stop: Stop) -> None:
    """Until asked to stop. Raises ConfigError where there is no cluster."""
    readiness = Readiness(_NOT_LISTED)
    registry = CollectorRegistry()
    store = Store(settings.retention, settings.scrape_interval)
    admin = await serve(admin_app(readiness, registry), settings.admin.host, settings.admin.port)
    client = await KubeClient.connect(environ=environ)
    try:
        discovery = Discovery(client)
        app = metrics_app(store, discovery.inventory, settings.retention)
        api = await serve(app, settings.debug.host, settings.debug.port)
        try:
            stop.spawn("discovery", discovery.run())
            stop.spawn("scraper", _scrape(Scraper(store, discovery.pods, settings, registry), discovery, readiness))
            await stop.wait()
        finally:
            await api.cleanup()
    finally:
        await client.close()
        await admin.cleanup()


async def _scrape(scraper: Scraper, discovery: Discovery, readiness: Readiness) -> None:
    await discovery.synced()
    readiness.has(_NOT_LISTED)
    await scraper.run()

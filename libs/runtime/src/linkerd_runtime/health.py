"""The admin server of every control plane process: /live, /ready (which names what is lacking), /metrics."""

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest


class Readiness:
    """Ready while nothing is lacking. A reason is a phrase for people, such as "trust bundle not read yet"."""

    def __init__(self, *lacking: str) -> None:
        self._reasons: dict[str, None] = dict.fromkeys(lacking)

    def lacks(self, reason: str) -> None:
        """From now on this is lacking. Saying it twice changes nothing."""
        self._reasons[reason] = None

    def has(self, reason: str) -> None:
        """What was lacking is there."""
        self._reasons.pop(reason, None)

    @property
    def ready(self) -> bool:
        """Whether nothing is lacking."""
        return not self._reasons

    @property
    def reasons(self) -> list[str]:
        """What is lacking, in the order in which it was said."""
        return list(self._reasons)


def admin_app(readiness: Readiness, registry: CollectorRegistry) -> web.Application:
    """/live: 200 while the process turns. /ready: 200, or 503 with the reasons. /metrics: Prometheus text.

    To the registry's families come process_*, as Linkerd's control plane has them. There is no *_created series beside
    each counter: Linkerd has none, and Prometheus would store as many series again.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus-client says no types here
    ProcessCollector(registry=registry)

    async def live(_request: web.Request) -> web.Response:
        return web.Response(text="live\n")

    async def ready(_request: web.Request) -> web.Response:
        if readiness.ready:
            return web.Response(text="ready\n")
        return web.Response(text=f"not ready: {'; '.join(readiness.reasons)}\n", status=503)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app

"""Settings of the metrics API, from the environment's mapping. Every bad value is reported at once (BadSettings)."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from linkerd_runtime.settings import Addr, Reader

PROMETHEUS_URL = "LINKERD_VIZ_PROMETHEUS_URL"


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds."""

    admin: Addr
    """Probes and our own metrics."""
    debug: Addr
    """The API for people: loopback, reached by port-forward, so that RBAC decides."""
    hosts: tuple[str, ...]
    """Names under which a browser may ask, beside localhost and addresses (linkerd_viz.web.guard)."""
    log_level: str
    log_format: str
    scrape_interval: float
    """A round comes no more often; with more than a hundred pods for each second of it, less often."""
    scrape_timeout: float
    scrape_concurrency: int
    retention: float
    """Of pods' samples."""
    history: float
    """Of workloads' minutes."""
    prometheus_url: str | None
    """Where measurements come from instead of scrapes of our own."""


def from_env(environ: Mapping[str, str]) -> Settings:
    """Raises BadSettings."""
    read = Reader(environ)
    settings = Settings(
        admin=read.addr("LINKERD_ADMIN_ADDR", "0.0.0.0:9990"),
        debug=read.addr("LINKERD_DEBUG_ADDR", "127.0.0.1:9991"),
        hosts=tuple(filter(None, (h.strip() for h in read.text("LINKERD_VIZ_HOSTS", "").split(",")))),
        log_level=read.choice("LINKERD_LOG_LEVEL", "info", ("trace", "debug", "info", "warn", "error", "off")),
        log_format=read.choice("LINKERD_LOG_FORMAT", "plain", ("plain", "json")),
        scrape_interval=read.duration_ms("LINKERD_VIZ_SCRAPE_INTERVAL", 5000) / 1000,
        scrape_timeout=read.duration_ms("LINKERD_VIZ_SCRAPE_TIMEOUT", 3000) / 1000,
        scrape_concurrency=read.integer("LINKERD_VIZ_SCRAPE_CONCURRENCY", 32, minimum=1),
        retention=read.duration_ms("LINKERD_VIZ_RETENTION", 600_000) / 1000,
        history=read.duration_ms("LINKERD_VIZ_HISTORY", 21_600_000) / 1000,
        prometheus_url=read.optional(PROMETHEUS_URL),
    )
    if settings.scrape_interval <= 0 or settings.scrape_timeout <= 0:
        read.fail("LINKERD_VIZ_SCRAPE_INTERVAL", "interval and timeout must be more than 0")
    elif settings.retention < 2 * settings.scrape_interval:
        read.fail("LINKERD_VIZ_RETENTION", "must hold at least two scrapes")
    if settings.history < settings.retention:
        read.fail("LINKERD_VIZ_HISTORY", "must not be less than LINKERD_VIZ_RETENTION")
    url = urlsplit(settings.prometheus_url or "http://x")
    if url.scheme not in ("http", "https") or not url.hostname:
        read.fail(PROMETHEUS_URL, f"{settings.prometheus_url!r} is not a URL such as http://prometheus.monitoring:9090")
    read.finish()
    return settings

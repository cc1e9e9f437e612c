"""Reads every proxy's metrics at an interval, a bounded number at a time; what cannot be read is named, with why."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import aiohttp
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from linkerd_contract.exposition import Unreadable
from linkerd_viz.inventory import Pod
from linkerd_viz.measurements import PodKey
from linkerd_viz.pages import read
from linkerd_viz.settings import Settings
from linkerd_viz.store import Store

log = logging.getLogger(__name__)

# A proxy of a thousand destinations shows about 5 MB; more is not a proxy's page.
MAX_BODY_BYTES = 32 * 1024 * 1024
# What a large mesh is scraped at: an even load, whatever its size.
_PODS_PER_SECOND = 100
# The part of a round in which its scrapes are begun.
_SPREAD = 0.8


class Scraper:
    """Fills the store. `pods` says what there is to scrape; `clock` tells the times of samples."""

    def __init__(
        self,
        store: Store,
        pods: Callable[[], list[Pod]],
        settings: Settings,
        registry: CollectorRegistry,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._pods = pods
        self._clock = clock
        self._settings = settings
        self._permits = asyncio.Semaphore(settings.scrape_concurrency)
        self._total = Counter("viz_scrapes", "Scrapes of proxies.", ("result",), registry=registry)
        self._seconds = Histogram("viz_scrape_round_seconds", "Time to scrape all proxies once.", registry=registry)
        self._targets = Gauge("viz_scrape_targets", "Meshed pods that are scraped.", registry=registry)

    async def run(self, after_round: Callable[[], Awaitable[None]]) -> None:
        """Forever, a round every interval; a round that takes longer is followed by the next at once."""
        async with self.session() as session:
            while True:
                started = self._clock()
                count = await self.round(session)
                await after_round()
                took = self._clock() - started
                self._seconds.observe(took)
                interval = max(self._settings.scrape_interval, count / _PODS_PER_SECOND)
                await asyncio.sleep(max(0.0, interval - took))

    def session(self) -> aiohttp.ClientSession:
        """A client with the scrape's timeout."""
        timeout = aiohttp.ClientTimeout(total=self._settings.scrape_timeout)
        return aiohttp.ClientSession(timeout=timeout, auto_decompress=True)

    async def round(self, session: aiohttp.ClientSession) -> int:
        """Scrape every meshed pod once; how many there are."""
        targets = [
            (pod.metadata.key, addr) for pod in self._pods() if pod.active and (addr := pod.admin_addr) is not None
        ]
        self._store.forget_all_but({key for key, _ in targets})
        self._targets.set(len(targets))
        async with asyncio.TaskGroup() as group:
            for key, addr in targets:
                group.create_task(self._scrape(session, key, addr))
                # Not all at once: who asks us meanwhile does not wait for a thousand pages.
                await asyncio.sleep(_SPREAD / _PODS_PER_SECOND)
        return len(targets)

    async def _scrape(self, session: aiohttp.ClientSession, pod: PodKey, addr: str) -> None:
        async with self._permits:
            try:
                text = await _fetch(session, f"http://{addr}/metrics")
                self._store.record(pod, self._clock(), read(text))
            except (aiohttp.ClientError, OSError, TimeoutError, UnicodeDecodeError, Unreadable) as error:
                reason = str(error) or self._silence(error)
                if self._store.failure(pod) != reason:
                    log.warning("%s/%s at %s cannot be scraped: %s", *pod, addr, reason)
                self._store.fail(pod, reason)
                self._total.labels("failure").inc()
            else:
                self._total.labels("success").inc()

    def _silence(self, error: Exception) -> str:
        """What an error means that says nothing itself."""
        if isinstance(error, TimeoutError):
            return f"no answer within {self._settings.scrape_timeout:g} s"
        return type(error).__name__


async def _fetch(session: aiohttp.ClientSession, url: str) -> str:
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise Unreadable(f"HTTP {response.status}")
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise Unreadable(f"more than {MAX_BODY_BYTES} bytes")
        return body.decode()

"""One tap over many proxies: a connection to each, their events in one bounded queue.

A reader that is too slow loses events, never memory: what does not fit is dropped and counted in the next event.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from linkerd_contract import codec
from linkerd_contract.problem import Problem
from linkerd_contract.tap import TAP_PATH, TapEvent, TapRequest

log = logging.getLogger(__name__)

MAX_EVENTS = 2000
MAX_LINE = 1 << 18
_CONNECT_SECONDS = 5.0
_SILENCE_SECONDS = 30.0
"""Proxies write a blank line every ten seconds."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A pod's tap: where, and the name that it must prove."""

    pod: str
    host: str
    port: int
    identity: str


class Merged:
    """Events of all proxies. `base` of each is the proxy's place, so that ids are unique."""

    def __init__(self, proxies: int) -> None:
        self.failures: list[str] = []
        self.answered = asyncio.Event()
        """Set when every proxy has answered, or has failed."""
        self._silent = self._left = proxies
        self._events: deque[TapEvent] = deque()
        self._wake = asyncio.Event()
        self._dropped = 0
        self._dropped_by: dict[int, int] = {}

    @property
    def ended(self) -> bool:
        """No event waits, and none will come."""
        return not self._left and not self._events

    @property
    def left(self) -> int:
        """Streams that go on."""
        return self._left

    def answer(self) -> None:
        """A proxy has answered, or has failed."""
        self._silent -= 1
        if not self._silent:
            self.answered.set()

    def put(self, base: int, event: TapEvent) -> None:
        """One event of the proxy at place `base`."""
        self._dropped_by[base] = event.dropped
        if len(self._events) >= MAX_EVENTS:
            self._dropped += 1
            return
        dropped = self._dropped + sum(self._dropped_by.values())
        self._events.append(msgspec.structs.replace(event, base=base, stream=event.stream - 1, dropped=dropped))
        self._wake.set()

    def end(self, failure: str = "") -> None:
        """A proxy's stream is over."""
        self._left -= 1
        if failure:
            self.failures.append(failure)
        self._wake.set()

    async def take(self, seconds: float) -> list[TapEvent]:
        """The events that wait, at the latest after `seconds`; then perhaps none."""
        if not self._events and self._left:
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        events = list(self._events)
        self._events.clear()
        return events


@asynccontextmanager
async def tapping(proxies: list[Proxy], request: TapRequest, context: ssl.SSLContext) -> AsyncIterator[Merged]:
    """All of them, until the end of the block."""
    merged = Merged(len(proxies))
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    body = codec.encode(request)
    connector = aiohttp.TCPConnector(ssl=context, limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        tasks = [asyncio.create_task(_follow(session, p, body, merged, i)) for i, p in enumerate(proxies, 1)]
        try:
            yield merged
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _follow(session: aiohttp.ClientSession, proxy: Proxy, body: bytes, merged: Merged, base: int) -> None:
    failure = ""
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    url = f"https://{host}:{proxy.port}{TAP_PATH}"
    opened = False
    try:
        async with session.post(url, data=body, server_hostname=proxy.identity, allow_redirects=False) as response:
            if response.status == 200:
                opened = True
                merged.answer()
                failure = await _read(response, merged, base)
            else:
                failure = _refusal(response.status, await response.content.read(MAX_LINE))
    except TimeoutError:
        failure = "does not answer"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = str(error)
    finally:
        if failure:
            log.warning("tap of %s (%s:%s): %s", proxy.pod, proxy.host, proxy.port, failure)
        merged.end(f"{proxy.pod}: {failure}" if failure else "")
        if not opened:
            merged.answer()


async def _read(response: aiohttp.ClientResponse, merged: Merged, base: int) -> str:
    """Until the stream ends; why it cannot be read on."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                merged.put(base, codec.decode(line, TapEvent))
        if len(rest) > MAX_LINE:
            return f"a line of more than {MAX_LINE} bytes"
    return ""


def _refusal(status: int, body: bytes) -> str:
    try:
        return f"refuses with {status}: {codec.decode(body, Problem).detail}"
    except ValueError:
        return f"refuses with {status}"

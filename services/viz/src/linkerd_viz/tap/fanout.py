"""One tap over many proxies: a connection to each, their events in one bounded queue. Proxies may join it later.

A reader that is too slow loses events, never memory: what does not fit is dropped and counted in the next event.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import AsyncIterator, Iterable
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

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.answered = asyncio.Event()
        """Set when every proxy that has joined has answered, or has failed."""
        self.left = 0
        """Streams that go on."""
        self._joined = self._silent = 0
        self._events: deque[TapEvent] = deque()
        self._wake = asyncio.Event()
        self._dropped = 0
        self._dropped_by: dict[int, int] = {}

    @property
    def ended(self) -> bool:
        """No event waits, and none will come unless another proxy joins."""
        return not self.left and not self._events

    def join(self) -> int:
        """One more proxy; its place."""
        self._joined += 1
        self._silent += 1
        self.left += 1
        self.answered.clear()
        return self._joined

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
        self.left -= 1
        if failure:
            self.failures.append(failure)
        self._wake.set()

    async def take(self, seconds: float) -> list[TapEvent]:
        """The events that wait, at the latest after `seconds`; then perhaps none."""
        if not self._events:
            self._wake.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
        events = list(self._events)
        self._events.clear()
        return events


class Fanout:
    """The connections of one tap. `tries` and `opened` by pod: how often its proxy was asked, and who has answered."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.events = Merged()
        self.tries: dict[str, int] = {}
        self.opened: set[str] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.busy: set[str] = set()
        """Pods whose stream goes on, or may begin yet."""
        self._session = session

    def follow(self, proxies: Iterable[Proxy], request: TapRequest) -> None:
        """Ask them too."""
        body = codec.encode(request)
        for proxy in proxies:
            self.tries[proxy.pod] = self.tries.get(proxy.pod, 0) + 1
            self.busy.add(proxy.pod)
            task = asyncio.create_task(self._follow(proxy, body, self.events.join()))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _follow(self, proxy: Proxy, body: bytes, base: int) -> None:
        failure, merged = "", self.events
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        url = f"https://{host}:{proxy.port}{TAP_PATH}"
        opened = False
        try:
            async with self._session.post(
                url, data=body, server_hostname=proxy.identity, allow_redirects=False
            ) as response:
                if response.status == 200:
                    opened = True
                    self.opened.add(proxy.pod)
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
            self.busy.discard(proxy.pod)
            merged.end(f"{proxy.pod}: {failure}" if failure else "")
            if not opened:
                merged.answer()


@asynccontextmanager
async def tapping(context: ssl.SSLContext) -> AsyncIterator[Fanout]:
    """A tap without proxies yet, until the end of the block."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
    connector = aiohttp.TCPConnector(ssl=context, limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        fanout = Fanout(session)
        try:
            yield fanout
        finally:
            tasks = [*fanout.tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


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

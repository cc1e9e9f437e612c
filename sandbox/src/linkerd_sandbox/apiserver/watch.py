"""Watches: a stream of JSON events, one a line, from a revision on.

Rules: what was asked for is sent in order and once; a client that does not read is cut off when `_BACKLOG` events
wait for it (it lists again); bookmarks tell idle watchers how far they are, so that they can resume later.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from linkerd_sandbox.apiserver import selectors, status
from linkerd_sandbox.apiserver.objects import decode, encode
from linkerd_sandbox.apiserver.represent import Representation
from linkerd_sandbox.apiserver.requests import number, truthy
from linkerd_sandbox.apiserver.selectors import Selector
from linkerd_sandbox.apiserver.store import Event, Expired, Store, Stored

log = logging.getLogger(__name__)

_BACKLOG = 10_000
_BOOKMARK_SECONDS = 15.0
_SHORTEST, _LONGEST = 1800.0, 3600.0  # as --min-request-timeout: half an hour to an hour
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects a request is about."""

    bucket: str
    namespace: str | None
    labels: Selector
    fields: Selector

    def matches(self, item: Stored) -> bool:
        """Whether the object is one of them."""
        if self.namespace is not None and item.key[0] != self.namespace:
            return False
        return selectors.matches(self.labels, item.labels) and selectors.matches(self.fields, item.fields)


class Feed:
    """Events of one scope, waiting to be sent."""

    def __init__(self, store: Store, scope: Scope) -> None:
        self._scope = scope
        self._waiting: deque[tuple[str, Stored]] = deque()
        self._arrived = asyncio.Event()
        self.overflowed = False
        self._cancel = store.subscribe(scope.bucket, self.offer)

    def offer(self, event: Event) -> None:
        """Take an event in, as this scope sees it: a change of labels may be a coming or a going."""
        now = self._scope.matches(event.item) and event.type != "DELETED"
        before = event.previous is not None and self._scope.matches(event.previous)
        if not now and not before:
            return
        kind = "MODIFIED" if now and before else "ADDED" if now else "DELETED"
        if len(self._waiting) >= _BACKLOG:
            self.overflowed = True
        else:
            self._waiting.append((kind, event.item if now or event.previous is None else _last(event, event.previous)))
        self._arrived.set()

    async def wait(self, seconds: float) -> None:
        """Return when something waits, or after `seconds`."""
        if self._waiting or self.overflowed:
            return
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._arrived.wait()
        except TimeoutError:
            return
        self._arrived.clear()

    def wake(self) -> None:
        """End a wait early."""
        self._arrived.set()

    def take(self) -> list[tuple[str, Stored]]:
        """Everything that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def close(self) -> None:
        """No more events."""
        self._cancel()


def _last(event: Event, previous: Stored) -> Stored:
    """What a DELETED event shows: the object as the watcher last saw it, at the revision of its end.

    As k8s.io/apiserver/pkg/storage/cacher: a change of labels that ends a selection is not shown to who had selected.
    """
    body = decode(previous.raw)
    body["metadata"]["resourceVersion"] = str(event.revision)
    return Stored(previous.key, event.revision, body, previous.fields)


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def requested(query: Mapping[str, str]) -> int | None:
    """The revision to start after; None: from what exists now. Raises `StatusError` 400."""
    text = query.get("resourceVersion", "")
    if text in ("", "0"):
        return None
    if not text.isdigit():
        raise status.bad_request(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


async def serve(
    request: web.BaseRequest, store: Store, scope: Scope, representation: Representation, stopping: asyncio.Event
) -> web.StreamResponse:
    """Answer a watch until its time is over, the client goes, or the server stops."""
    query = request.query
    start = requested(query)
    if start is not None and start > store.revision:
        raise status.too_large(start, store.revision)
    seconds = float(number(query, "timeoutSeconds") or 0) or random.uniform(_SHORTEST, _LONGEST)
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    feed = Feed(store, scope)
    stopper = asyncio.create_task(stopping.wait())
    stopper.add_done_callback(lambda _: feed.wake())
    try:
        sender = _Sender(response, representation, bookmarks=truthy(query.get("allowWatchBookmarks", "false")))
        initial = _initial(store, scope, feed, start)
        await response.prepare(request)
        if isinstance(initial, Expired):
            error = status.expired(start or 0, initial.oldest)
            await response.write(_line("ERROR", encode(error.body())))
            return response
        await sender.send(initial)
        if truthy(query.get("sendInitialEvents", "false")):
            await sender.bookmark(store.revision, _INITIAL_END)
        await _follow(store, feed, sender, time.monotonic() + seconds, stopping)
        await response.write_eof()
    except ConnectionError:
        log.debug("the watcher of %s has gone", scope.bucket)
    finally:
        stopper.cancel()
        feed.close()
    return response


def _initial(store: Store, scope: Scope, feed: Feed, start: int | None) -> list[tuple[str, Stored]] | Expired:
    if start is None:
        return [("ADDED", item) for item in store.scan(scope.bucket, scope.namespace) if scope.matches(item)]
    try:
        for event in store.since(scope.bucket, start):
            feed.offer(event)
    except Expired as error:
        return error
    return []


class _Sender:
    def __init__(self, response: web.StreamResponse, representation: Representation, *, bookmarks: bool) -> None:
        self._response = response
        self._representation = representation
        self._bookmarks = bookmarks
        self._headers = True

    async def send(self, events: list[tuple[str, Stored]]) -> None:
        if not events:
            return
        self._representation.now = time.time()
        lines: list[bytes] = []
        for kind, item in events:
            lines.append(_line(kind, self._representation.event(item, headers=self._headers)))
            self._headers = False
        await self._response.write(b"".join(lines))

    async def bookmark(self, revision: int, annotations: dict[str, str] | None = None) -> None:
        if self._bookmarks:
            await self._response.write(_line("BOOKMARK", self._representation.bookmark(revision, annotations or {})))


async def _follow(store: Store, feed: Feed, sender: _Sender, end: float, stopping: asyncio.Event) -> None:
    sent = store.revision
    next_bookmark = time.monotonic() + _BOOKMARK_SECONDS
    while not stopping.is_set():
        now = time.monotonic()
        if now >= end:
            await sender.bookmark(store.revision)
            return
        await feed.wait(min(end, next_bookmark) - now)
        if feed.overflowed:
            return
        revision = store.revision
        await sender.send(feed.take())
        if time.monotonic() >= next_bookmark:
            next_bookmark = time.monotonic() + _BOOKMARK_SECONDS
            if revision != sent:
                await sender.bookmark(revision)
                sent = revision

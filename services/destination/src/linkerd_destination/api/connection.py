"""One proxy's WebSocket: hello, its watches, and the sending of what they lack.

Per connection there is one task that reads and one that sends. What waits to be sent is a set of watches, not of
messages: at most one entry each, so a proxy that reads slowly costs a bounded amount and gets the newest state.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import replace

from aiohttp import WSMsgType, web

from linkerd_contract.codec import decode
from linkerd_contract.watch import (
    PING_SECONDS,
    SILENCE_SECONDS,
    ClientMessage,
    Hello,
    Unwatch,
    Watch,
    WatchCode,
    WatchError,
    WatchKind,
)
from linkerd_destination.api import changes
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.api.topics import Topic, TopicKey, Topics
from linkerd_destination.translate.endpoints import Caller

log = logging.getLogger(__name__)

MAX_WATCHES = 10_000
"""Per proxy. What it talks to, not what there is: more is a fault."""


class ProtocolError(Exception):
    """The proxy broke the contract; the connection is closed with this reason."""


class Subscription:
    """One watch. `known` is the version that the proxy has, "" for none."""

    __slots__ = ("_connection", "answered", "ident", "known", "told_error", "topic")

    def __init__(self, connection: "Connection", ident: int, known: str) -> None:
        self._connection = connection
        self.ident = ident
        self.known = known
        self.answered = False
        self.told_error: WatchError | None = None
        self.topic: Topic | None = None

    def mark(self) -> None:
        """The topic has something new."""
        self._connection.enqueue(self)


class Connection:
    """One proxy. `service_account` and `namespace` are proved by its certificate."""

    def __init__(
        self,
        websocket: web.WebSocketResponse,
        topics: Topics,
        metrics: Metrics,
        service_account: str,
        namespace: str,
    ) -> None:
        self._websocket = websocket
        self._topics = topics
        self._metrics = metrics
        self._owner = (service_account, namespace)
        self._hello: Hello | None = None
        self._node = ""
        self._zone = ""
        self._known: dict[tuple[WatchKind, str], str] = {}
        self._watches: dict[int, Subscription] = {}
        self._pending: dict[Subscription, None] = {}
        self._wake = asyncio.Event()
        self._heard_at = time.monotonic()

    def enqueue(self, subscription: Subscription) -> None:
        """Have the newest state of a watch sent, once."""
        self._pending[subscription] = None
        self._wake.set()

    async def run(self, abort: "asyncio.Event") -> None:
        """Until the proxy leaves, breaks the contract, falls silent, or `abort` is set (the process stops)."""
        self._metrics.connections.inc()
        tasks = [
            asyncio.create_task(self._read()),
            asyncio.create_task(self._send()),
            asyncio.create_task(self._guard()),
            asyncio.create_task(_wait(abort)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await self._ended(task)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for subscription in self._watches.values():
                self._leave(subscription)
            self._watches.clear()
            self._metrics.connections.dec()

    async def _ended(self, task: "asyncio.Task[None]") -> None:
        error = task.exception()
        if isinstance(error, ProtocolError):
            self._metrics.refused.labels("protocol").inc()
            log.warning("%s: closed: %s", self._name(), error)
            # The write of a close frame waits for what is queued; a proxy that does not read gets no such courtesy.
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(1.0):
                    await self._websocket.close(code=1002, message=str(error).encode()[:120])
        elif isinstance(error, TimeoutError):
            self._metrics.refused.labels("silent").inc()
            log.info("%s: closed: %s", self._name(), error)
        elif error is not None and not isinstance(error, ConnectionError):
            raise error

    def _name(self) -> str:
        return self._hello.workload if self._hello else ".".join(self._owner)

    async def _read(self) -> None:
        while True:
            message = await self._websocket.receive()
            self._heard_at = time.monotonic()
            if message.type is WSMsgType.TEXT or message.type is WSMsgType.BINARY:
                try:
                    self._on_message(decode(message.data, ClientMessage))  # type: ignore[arg-type]
                except ValueError as error:
                    raise ProtocolError(f"unreadable message: {error}") from error
            elif message.type is WSMsgType.PING:
                await self._websocket.pong(message.data)
            elif message.type is not WSMsgType.PONG:
                return

    def _on_message(self, message: ClientMessage) -> None:
        if isinstance(message, Hello):
            if self._hello is not None:
                raise ProtocolError("hello comes once")
            self._hello = message
            node, zone = self._topics.place(message.workload)
            self._node = message.node or node
            self._zone = message.zone or self._topics.zone(self._node) or zone
            # Each counts once: a proxy that watches a target again wants it whole.
            self._known = {(k.kind, k.target): k.version for k in message.known}
        elif self._hello is None:
            raise ProtocolError("hello comes first")
        elif isinstance(message, Watch):
            self._watch(message, self._hello)
        elif isinstance(message, Unwatch):
            subscription = self._watches.pop(message.id, None)
            if subscription is not None:
                self._leave(subscription)

    def _watch(self, message: Watch, hello: Hello) -> None:
        if message.id in self._watches:
            raise ProtocolError(f"watch {message.id} is there already")
        if len(self._watches) >= MAX_WATCHES:
            raise ProtocolError(f"more than {MAX_WATCHES} watches")
        if message.kind is WatchKind.outbound:
            key = TopicKey(message.kind, message.target, Caller(zone=self._zone))
            known = self._known.pop((message.kind, message.target), "")
        elif message.kind is WatchKind.inbound:
            key = TopicKey(message.kind, hello.workload, Caller())
            known = self._known.pop((message.kind, ""), "")
        else:
            raise ProtocolError(f"watch {message.id} is of an unknown kind")
        subscription = Subscription(self, message.id, known)
        self._watches[message.id] = subscription
        self._metrics.watches.inc()
        subscription.topic = self._topics.subscribe(key, subscription)

    def _leave(self, subscription: Subscription) -> None:
        self._pending.pop(subscription, None)
        self._metrics.watches.dec()
        if subscription.topic is not None:
            self._topics.unsubscribe(subscription.topic, subscription)

    async def _send(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                subscription = next(iter(self._pending))
                del self._pending[subscription]
                for tail in self._next(subscription):
                    await self._websocket.send_frame(changes.frame(subscription.ident, tail), WSMsgType.TEXT)

    def _settle(self, subscription: Subscription) -> Topic | None:
        """The watch's topic: for this namespace or node where the answer depends on them, else the one for all."""
        topic = subscription.topic
        if topic is None or topic.key.kind is not WatchKind.outbound:
            return topic
        # The namespace is the certificate's, whatever the hello says.
        namespace = self._owner[1] if topic.depends.namespace else ""
        caller = Caller(namespace, self._zone, self._node if topic.depends.node else "")
        if topic.key.caller != caller:
            self._topics.unsubscribe(topic, subscription)
            topic = subscription.topic = self._topics.subscribe(replace(topic.key, caller=caller), subscription)
        return topic

    def _next(self, subscription: Subscription) -> list[changes.Tail]:
        """What brings the proxy from what it has to the topic's state now, and remembers that it has it."""
        topic = self._settle(subscription)
        if topic is None or not topic.rendered:
            return []
        error = topic.error
        if error is None and topic.key.kind is WatchKind.inbound and topic.owner != self._owner:
            error = WatchError(
                code=WatchCode.forbidden,
                message=f"{topic.key.target} runs as {'.'.join(topic.owner)}, not as {'.'.join(self._owner)}",
                retryable=False,
            )
        if error is not None:
            if subscription.told_error == error:
                return []
            subscription.told_error, subscription.known = error, ""
            self._metrics.messages.labels("error").inc()
            return changes.failure(error)
        if subscription.answered and subscription.known == topic.version:
            return []
        kind, tails = topic.tails(subscription.known)
        subscription.answered, subscription.told_error, subscription.known = True, None, topic.version
        self._metrics.messages.labels(kind).inc()
        return tails

    async def _guard(self) -> None:
        """Pings, and the end of a proxy that is silent although it was pinged."""
        while True:
            await asyncio.sleep(PING_SECONDS)
            silence = time.monotonic() - self._heard_at
            if silence >= SILENCE_SECONDS:
                raise TimeoutError(f"nothing heard for {silence:.0f} s")
            # A ping behind a full send queue would wait with it; the silence then speaks for itself.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS / 2):
                    await self._websocket.ping()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()

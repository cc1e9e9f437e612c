"""The discovery client: keeps one WebSocket to the destination service, and calls back with snapshots.

Subscribing and calling back happen in the event loop's thread without a task per call. While the control plane is away
the last snapshots serve, and the client reconnects with jittered backoff. A target without subscribers is watched for
the idle time, then forgotten. Nothing leaves before the server has proved its name (TLS 1.3, DESTINATION_SVC_NAME).
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress

import aiohttp

from linkerd_contract.watch import SILENCE_SECONDS, WATCH_PATH, WatchError, WatchKind
from linkerd_proxy.control.resolver import CountedResolver
from linkerd_proxy.control.watches import BadMessage, Watched, Watches
from linkerd_proxy.settings import Destination
from linkerd_proxy.telemetry.labels import render
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_rules.policy import InboundPolicy, OutboundPolicy
from linkerd_runtime import tls
from linkerd_runtime.certify import Credentials

log = logging.getLogger(__name__)

OUTBOUND_IDLE_SECONDS = 5.0
INBOUND_IDLE_SECONDS = 90.0
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

Update = OutboundPolicy | InboundPolicy | WatchError


class Subscription:
    """One interest in one target."""

    __slots__ = ("_callback", "_client", "_watched")

    def __init__(self, client: "DiscoveryClient", watched: Watched, callback: Callable[[Update], None]) -> None:
        self._client: DiscoveryClient | None = client
        self._watched = watched
        self._callback = callback

    def close(self) -> None:
        """No more callbacks. Closing twice does nothing."""
        client, self._client = self._client, None
        if client is not None:
            client.unsubscribe(self, self._watched)

    def notify(self, update: Update) -> None:
        """Call back. A callback that fails must not take discovery down with it."""
        if self._client is None:
            return
        try:
            self._callback(update)
        except Exception:
            log.exception("a subscriber of %s failed", self._watched.target or "inbound policy")


class DiscoveryClient:
    """`credentials` gives the certificate in force, None before the first; call `credentials_changed` when it is there.

    With `credentials` None altogether, discovery is without TLS (identity disabled; never in a cluster).
    """

    def __init__(
        self,
        settings: Destination,
        credentials: Callable[[], Credentials | None] | None,
        metrics: Metrics | None = None,
        *,
        outbound_idle_seconds: float = OUTBOUND_IDLE_SECONDS,
        inbound_idle_seconds: float = INBOUND_IDLE_SECONDS,
    ) -> None:
        self._settings = settings
        self._credentials = credentials
        self._idle = {WatchKind.outbound: outbound_idle_seconds, WatchKind.inbound: inbound_idle_seconds}
        context = settings.context
        self._watches = Watches(context.workload, context.node, context.zone)
        self._subscriptions: dict[Watched, list[Subscription]] = {}
        self._timers: dict[Watched, asyncio.TimerHandle] = {}
        self._outbox: list[str] = []
        self._wake = asyncio.Event()
        self._certified = asyncio.Event()
        labels = [("addr", str(settings.svc_addr)), ("server_id", settings.svc_name)]
        metrics = metrics or Metrics()
        self._resolutions = metrics.dns_resolutions
        self._series = metrics.control.series(render(labels))
        self.connected = False
        """Whether the stream is up now."""

    def outbound(self, target: str, callback: Callable[[OutboundPolicy | WatchError], None]) -> Subscription:
        """Follow an original destination, "ip:port" or "fqdn:port".

        Calls back at once where a snapshot (or, in want of one, an error) is there, and at every change. An error
        after a snapshot does not take the snapshot back.
        """

        def typed(update: Update) -> None:
            if not isinstance(update, InboundPolicy):
                callback(update)

        return self._subscribe(WatchKind.outbound, target, typed)

    def inbound(self, callback: Callable[[InboundPolicy | WatchError], None]) -> Subscription:
        """Follow the workload's own policy; calls back as `outbound` does."""

        def typed(update: Update) -> None:
            if not isinstance(update, OutboundPolicy):
                callback(update)

        return self._subscribe(WatchKind.inbound, "", typed)

    def credentials_changed(self) -> None:
        """The first certificate has come; later ones are used from the next connection on."""
        self._certified.set()

    async def run(self) -> None:
        """Keep connected; forever. Ends by cancellation only."""
        settings = self._settings
        delay = settings.backoff_min_ms / 1000
        while True:
            if self._credentials is not None and self._credentials() is None:
                self._certified.clear()
                await self._certified.wait()
            received = False
            try:
                received = await self._connection()
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                log.warning("discovery at %s: %s", settings.svc_addr, str(error) or type(error).__name__)
            finally:
                self._lost()
            if received:
                delay = settings.backoff_min_ms / 1000
            # Full jitter upwards: proxies that lost one replica together do not come back together.
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
            delay = min(delay * 2, settings.backoff_max_ms / 1000)

    def unsubscribe(self, subscription: Subscription, watched: Watched) -> None:
        """For Subscription.close."""
        subscribers = self._subscriptions[watched]
        subscribers.remove(subscription)
        if not subscribers:
            loop = asyncio.get_running_loop()
            self._timers[watched] = loop.call_later(self._idle[watched.kind], self._evict, watched)

    def _subscribe(self, kind: WatchKind, target: str, callback: Callable[[Update], None]) -> Subscription:
        watched = self._watches.get(kind, target)
        if watched is None:
            watched, messages = self._watches.add(kind, target)
            self._subscriptions[watched] = []
            self._send(messages)
        elif (timer := self._timers.pop(watched, None)) is not None:
            timer.cancel()
        subscription = Subscription(self, watched, callback)
        self._subscriptions[watched].append(subscription)
        known = watched.policy or watched.error
        if known is not None:
            subscription.notify(known)
        return subscription

    def _evict(self, watched: Watched) -> None:
        del self._timers[watched], self._subscriptions[watched]
        self._send(self._watches.remove(watched))

    def _send(self, messages: list[str]) -> None:
        if messages and self.connected:
            self._outbox += messages
            self._wake.set()

    def _lost(self) -> None:
        self.connected = False
        self._outbox.clear()
        self._watches.disconnected()

    async def _connection(self) -> bool:
        """One connection, until it ends or its life is over. Whether the server said anything."""
        settings = self._settings
        loop = asyncio.get_running_loop()
        host = f"[{settings.svc_addr.host}]" if ":" in settings.svc_addr.host else settings.svc_addr.host
        self._series.requests.value += 1
        started = loop.time()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=settings.stream_initial_timeout_ms / 1000)
        connector = aiohttp.TCPConnector(resolver=CountedResolver(self._resolutions, "destination"))
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            try:
                async with asyncio.timeout(settings.stream_initial_timeout_ms / 1000):
                    ws = await self._connect(session, f"{host}:{settings.svc_addr.port}")
            except aiohttp.WSServerHandshakeError as error:
                self._series.end(error.status, False, (loop.time() - started) * 1000)
                raise
            except BaseException:
                self._series.end(0, False, (loop.time() - started) * 1000, error="unclassified")
                raise
            self._series.end(101, True, (loop.time() - started) * 1000)
            async with ws:
                return await self._talk(ws)

    async def _connect(self, session: aiohttp.ClientSession, host: str) -> aiohttp.ClientWebSocketResponse:
        scheme, context, name = "ws", None, None
        if self._credentials is not None:
            current = self._credentials()
            assert current is not None
            scheme, name = "wss", self._settings.svc_name
            context = tls.client_context(current.trust_bundle, current.chain_path, current.key_path)
        return await session.ws_connect(
            f"{scheme}://{host}{WATCH_PATH}",
            ssl=True if context is None else context,
            server_hostname=name,
            max_msg_size=MAX_MESSAGE_BYTES,
        )

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse) -> bool:
        self.connected = True
        self._outbox = self._watches.connected()
        self._wake.set()
        log.info("discovery at %s: connected", self._settings.svc_addr)
        received = False
        # Connections end on time, jittered, so that replicas that came later get their share.
        lifetime = self._settings.stream_lifetime_ms / 1000 * random.uniform(0.9, 1.1)
        writer = asyncio.create_task(self._write(ws))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(lifetime):
                    # The server pings; receiving anything, a ping too, breaks the silence.
                    while (message := await self._receive(ws)) is not None:
                        received = True
                        self._on_message(message)
        finally:
            writer.cancel()
            # Not `await writer`: its cancellation could not be told from our own, which must not be lost.
            await asyncio.wait((writer,))
            if not writer.cancelled() and (error := writer.exception()) is not None:
                log.info("discovery at %s: %s", self._settings.svc_addr, error)
        return received

    async def _receive(self, ws: aiohttp.ClientWebSocketResponse) -> str | bytes | None:
        """The next message; None where the stream has ended."""
        try:
            message = await ws.receive(timeout=SILENCE_SECONDS)
        except TimeoutError as error:
            raise aiohttp.ClientError(f"silent for {SILENCE_SECONDS} s") from error
        if message.type is aiohttp.WSMsgType.TEXT or message.type is aiohttp.WSMsgType.BINARY:
            data: str | bytes = message.data
            return data
        if message.type is aiohttp.WSMsgType.ERROR:
            raise aiohttp.ClientError(f"broken stream: {message.data}")
        return None

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            messages, self._outbox = self._outbox, []
            for message in messages:
                await ws.send_str(message)

    def _on_message(self, data: str | bytes) -> None:
        try:
            watched, answers = self._watches.received(data)
        except BadMessage as error:
            log.warning("discovery at %s: %s", self._settings.svc_addr, error)
            return
        self._send(answers)
        if watched is None:
            return
        for problem in getattr(watched.policy, "problems", []):
            log.warning("discovery of %s: %s", watched.target, problem)
        update = watched.error or watched.policy
        if update is not None:
            for subscription in list(self._subscriptions[watched]):
                subscription.notify(update)

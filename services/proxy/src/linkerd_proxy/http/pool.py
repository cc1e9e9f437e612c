"""Connections of one endpoint, per version of HTTP.

HTTP/2: one connection carries all streams; where the endpoint's MAX_CONCURRENT_STREAMS is reached, another one is made
and requests wait for it (bounded), so no stream is ever refused for our fault. Requests wait for the SETTINGS of a new
connection for the same reason. HTTP/1: one request at a time on a connection, the one used last first, idle ones
closed after a while.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.errors import ConnectFailed, ConnectionLost, LoadShed, ProxyError
from linkerd_proxy.http.client_h1 import H1Client
from linkerd_proxy.http.client_h2 import H2Client
from linkerd_proxy.http.exchange import CLOSED, Exchange
from linkerd_proxy.http.h2 import KeepAlive
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.connect import ClientTls, Dialer
from linkerd_proxy.transport.wheel import Timer

TlsNow = Callable[[], ClientTls | None]
"""How to secure a connection that is made now: certificates change."""

MAX_CONNECTIONS = 256
RESPONSES = H2Settings(stream_window=262_144, connection_window=4_194_304, max_frame_size=131_072)
"""What endpoints may send us ahead: four times Linkerd's windows, which are for each connection of a client; ours to an
endpoint are few, and shared by all clients here. Large frames cost no memory, as they are passed on while they come."""


class Target:
    """Where a pool connects to, and how."""

    __slots__ = ("addr", "dialer", "keep_alive", "runtime", "settings", "tcp", "tls")

    def __init__(
        self,
        runtime: Runtime,
        addr: ServerAddr,
        dialer: Dialer,
        tcp: TcpSeries,
        tls: TlsNow = lambda: None,
        *,
        keep_alive: tuple[float, float] | None = None,
    ) -> None:
        """`keep_alive`: seconds between HTTP/2 PINGs on a silent connection, and until one is lost."""
        self.runtime = runtime
        self.addr = addr
        self.dialer = dialer
        self.tcp = tcp
        self.tls = tls
        self.keep_alive = keep_alive
        self.settings = RESPONSES


class H2Pool:
    """HTTP/2 connections of one endpoint."""

    def __init__(
        self,
        target: Target,
        capacity: int,
        on_health: Callable[[ProxyError | None], None] = lambda _: None,
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        """At most `capacity` requests wait.

        `on_health` hears of every attempt to connect: None, or why not; `on_lost` of the loss of the last connection.
        """
        self._target = target
        self._capacity = capacity
        self._on_health = on_health
        self._on_lost = on_lost
        self._current: H2Client | None = None
        self._clients: list[H2Client] = []
        self._connecting = False
        self._retired = False
        self.queue: deque[tuple[Exchange, Headers]] = deque()

    def send(self, x: Exchange, fields: Headers) -> None:
        """Send it now, or when there is a connection."""
        client = self._current
        if client is not None and client.codec.can_open:
            client.open(x, fields)
            return
        if len(self.queue) >= self._capacity:
            x.fail(LoadShed())
            return
        self.queue.append((x, fields))
        self.pump()

    def pump(self) -> None:
        """Send what waits, as far as connections go; make another one for the rest."""
        while self.queue:
            client = self._available()
            if client is None:
                self._connect()
                return
            x, fields = self.queue.popleft()
            if not x.flags & CLOSED:
                client.open(x, fields)

    def connect(self) -> None:
        """Connect ahead of any request, where there is no connection."""
        if not self._clients:
            self._connect()

    def leave(self, client: H2Client) -> None:
        """A connection takes no more requests."""
        if self._current is client:
            self._current = None
        if client not in self._clients:
            return
        self._clients.remove(client)
        if not self._clients and not self._retired:
            self._on_lost()
        if self.queue:
            self.pump()

    def after(self, seconds: float, callback: Callable[[], object]) -> None:
        """Call back later."""
        self._target.runtime.wheel.after(seconds, callback)

    def retire(self) -> None:
        """The endpoint is gone: what runs is finished, what waits is failed."""
        self._retired = True
        self._fail(ConnectFailed("the endpoint was removed"))
        for client in list(self._clients):
            self.leave(client)
            client.retire()

    def abort(self) -> None:
        """Close everything at once."""
        self._retired = True
        for client in list(self._clients):
            client.kill()

    def _available(self) -> H2Client | None:
        worn_out: list[H2Client] = []
        found: H2Client | None = None
        for client in self._clients:
            if client.codec.exhausted:
                worn_out.append(client)
            elif client.ready and client.codec.can_open:
                found = self._current = client
                break
        for client in worn_out:
            self._clients.remove(client)
            client.retire()
        return found

    def _connect(self) -> None:
        if self._connecting or self._retired or len(self._clients) >= MAX_CONNECTIONS:
            return
        self._connecting = True
        self._target.runtime.tasks.spawn(self._dial())

    async def _dial(self) -> None:
        target = self._target
        client = H2Client(target.runtime.turn, target.tcp, target.settings, self)
        try:
            await target.dialer.connect(target.addr, client.wire, target.tls())
            async with asyncio.timeout(target.dialer.timeout):
                await client.settled
        except (ProxyError, TimeoutError) as error:
            client.close()
            failure = error if isinstance(error, ProxyError) else ConnectFailed("no HTTP/2 SETTINGS in time")
            self._connecting = False
            if not self._clients:
                # Else what waits has other connections whose streams end.
                self._fail(failure)
                self._on_health(failure)
            return
        self._connecting = False
        if self._retired:
            client.close()
            return
        if target.keep_alive is not None:
            client.keep_alive = KeepAlive(client, target.runtime.wheel, *target.keep_alive)
        self._clients.append(client)
        self._on_health(None)
        self.pump()

    def _fail(self, error: ProxyError) -> None:
        queue, self.queue = self.queue, deque()
        for x, _ in queue:
            x.fail(error)


class H1Pool:
    """HTTP/1 connections of one endpoint."""

    def __init__(self, target: Target, idle_seconds: float, max_idle: int) -> None:
        self._target = target
        self._idle_seconds = idle_seconds
        self._max_idle = max_idle
        self._idle: list[H1Client] = []
        self._busy: set[H1Client] = set()
        self._sweep: Timer | None = None
        self._retired = False

    def send(self, x: Exchange, fields: Headers) -> None:
        """Send it on an idle connection or a new one."""
        idle = self._idle
        if not x.head.one_off:
            while idle:
                client = idle.pop()
                if not client.closed:
                    client.open(x, fields)
                    return
        self.send_fresh(x, fields)

    def send_fresh(self, x: Exchange, fields: Headers) -> None:
        """Send it on a new connection."""
        self._target.runtime.tasks.spawn(self._dial(x, fields))

    def idle(self, client: H1Client) -> None:
        """A connection has done its exchange and may be used again."""
        if self._retired or len(self._idle) >= self._max_idle:
            client.close()
            return
        client.idle_since = self._target.runtime.turn.now
        self._idle.append(client)
        if self._sweep is None:
            self._sweep = self._target.runtime.wheel.after(self._idle_seconds, self._close_idle)

    def gone(self, client: H1Client) -> None:
        """A connection was lost."""
        self._busy.discard(client)
        if client in self._idle:
            self._idle.remove(client)

    def retire(self) -> None:
        """The endpoint is gone: busy connections finish first."""
        self._retired = True
        if self._sweep is not None:
            self._sweep.cancel()
        idle, self._idle = self._idle, []
        for client in idle:
            client.close()

    def abort(self) -> None:
        """Close everything at once."""
        self.retire()
        for client in list(self._busy):
            client.abort_connection()

    async def _dial(self, x: Exchange, fields: Headers) -> None:
        target = self._target
        client = H1Client(target.runtime.turn, target.tcp, self)
        try:
            await target.dialer.connect(target.addr, client, target.tls())
        except ProxyError as error:
            x.fail(error)
            return
        if client.closed:
            x.fail(ConnectionLost())
            return
        self._busy.add(client)
        if x.flags & CLOSED:
            self.idle(client)
        else:
            client.open(x, fields)

    def _close_idle(self) -> None:
        """Connections idle for too long are at the front: the one used last is taken first."""
        limit = self._target.runtime.turn.read() - self._idle_seconds
        idle = self._idle
        old = 0
        while old < len(idle) and idle[old].idle_since <= limit:
            old += 1
        closing, self._idle = idle[:old], idle[old:]
        self._sweep = None
        for client in closing:
            client.close()
        if self._idle:
            wait = self._idle[0].idle_since - limit
            self._sweep = self._target.runtime.wheel.after(max(wait, 0.1), self._close_idle)

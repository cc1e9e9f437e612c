"""One backend: its balancer, and the queue for the time when no endpoint can take a request.

When nothing is ready for longer than the failfast timeout, what waits fails with 504 and what comes after fails at
once with 503, until an endpoint is ready again (Linkerd's failfast and load shedding).
"""

from collections import deque
from random import random
from time import time

from linkerd_contract.outbound import Backend, BackendStatus, Endpoint, OutboundDocument
from linkerd_proxy.balance import P2C, FailFast
from linkerd_proxy.errors import BackendMissing, FailFastError, LoadShed, ProxyError
from linkerd_proxy.http.exchange import CLOSED, Exchange, Way
from linkerd_proxy.outbound.books import Unsent
from linkerd_proxy.outbound.endpoint import EndpointFactory, Health, OutboundEndpoint
from linkerd_proxy.outbound.observer import State
from linkerd_proxy.outbound.tcp_balancer import TcpBalancer
from linkerd_proxy.outbound.way import backend_step, route_step, target_step
from linkerd_proxy.telemetry.routes import backend_labels
from linkerd_proxy.transport.wheel import Timer
from linkerd_rules.policy import CompiledRoute

MAX_WARMING = 8
"""Handshakes of one backend at a time: a large service's connections are made as its requests need them."""


class Concrete:
    """One backend of one target."""

    def __init__(self, factory: EndpointFactory, doc: OutboundDocument, backend: Backend) -> None:
        self._factory = factory
        self._turn = factory.runtime.turn
        self._wheel = factory.runtime.wheel
        self._doc = doc
        self._backend = backend
        self.balancer: P2C[OutboundEndpoint] = P2C(random, self._make, doc.balancer, doc.failure_accrual)
        self.tcp = TcpBalancer(factory, doc, backend)
        """For connections that are not HTTP."""
        self._failfast = FailFast(doc.balancer.failfast_ms / 1000)
        self._queue: deque[tuple[Exchange, CompiledRoute, float]] = deque()
        self._timer: Timer | None = None
        self._cold: list[State] = []
        """Endpoints that must be connected before anything can be sent to them, and nobody is at it."""
        self._warming: set[OutboundEndpoint] = set()
        self._first = True
        self._metrics = factory.runtime.metrics.http_balancer.series(backend_labels(doc.parent, backend.resource))

    def update(self, doc: OutboundDocument, backend: Backend) -> None:
        """Another snapshot."""
        now = self._turn.read()
        changed = doc.balancer != self._doc.balancer or doc.failure_accrual != self._doc.failure_accrual
        self._doc, self._backend = doc, backend
        if changed:
            self._retire(self.balancer)
            self.balancer = P2C(random, self._make, doc.balancer, doc.failure_accrual)
            self._failfast = FailFast(doc.balancer.failfast_ms / 1000)
        self._metrics.gate_timeout.value = doc.balancer.failfast_ms / 1000
        before = len(self.balancer)
        gone = self.balancer.reset(backend.endpoints, now)
        for state in gone:
            self._warming.discard(state.data)
            state.data.retire()
        added = len(self.balancer) - before + len(gone)
        self._metrics.updated(added=added, removed=len(gone), first=self._first or changed)
        self._first = False
        self.tcp.update(doc, backend)
        self._cold.clear()
        for state in self.balancer.endpoints:
            state.data.follow(doc, backend)
            if state.data.cold:
                self._set_cold(state)
        self._count()
        self._pump()
        if self._queue:
            self._warm(MAX_WARMING)

    def available(self) -> bool:
        """Whether a request could be sent now, or as soon as an endpoint that nobody has tried yet is connected."""
        return self.balancer.available(self._turn.now) or (bool(self._cold) and not self._failfast.active)

    def send(self, x: Exchange, route: CompiledRoute) -> None:
        """Send a request to one of the endpoints."""
        state = self.balancer.pick(self._turn.now)
        if state is not None:
            if self._cold:
                self._warm(1)
            state.begin()
            state.data.send(x, state, route)
        else:
            self._wait(x, route)

    def retire(self) -> None:
        """The backend is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._fail_queue(LoadShed())
        self.tcp.retire()
        self._retire(self.balancer)

    # Waiting.

    def _wait(self, x: Exchange, route: CompiledRoute) -> None:
        now = self._turn.now
        if self._backend.status is BackendStatus.missing:
            self._refuse(x, route, BackendMissing())
            return
        self._failfast.unready(now)
        self._warm(MAX_WARMING)
        capacity = self._doc.balancer.queue_capacity
        if self._warming:
            # They will not wait for long, and many may come at once at the beginning.
            capacity = max(capacity, self._factory.settings.base.http_queue_capacity)
        if self._failfast.check(now) or len(self._queue) >= capacity:
            self._refuse(x, route, LoadShed())
            return
        self._queue.append((x, route, now))
        self._metrics.queued(len(self._queue))
        if self._timer is None:
            self._metrics.shut(time())
            self._arm()

    def _arm(self) -> None:
        """Wake when a breaker lets a probe through, or when failing begins, whichever is first."""
        now = self._turn.read()
        times = [t for t in (self._failfast.deadline, self.balancer.next_admission()) if t is not None]
        self._timer = self._wheel.after(max(0.0, min(times, default=now) - now), self._due) if times else None

    def _due(self) -> None:
        self._timer = None
        if self._failfast.check(self._turn.read()):
            reason = next((s.data.reason for s in self.balancer.endpoints if s.data.reason), "")
            self._fail_queue(FailFastError(f"{FailFastError.default}: {reason}" if reason else ""))
        self._pump()

    def _pump(self) -> None:
        """Send what waits, as far as endpoints go."""
        queue = self._queue
        now = self._turn.now
        if self.balancer.available(now):
            self._failfast.ready()
        while queue:
            state = self.balancer.pick(now)
            if state is None:
                if self._timer is None:
                    self._arm()
                break
            x, route, since = queue.popleft()
            if not x.flags & CLOSED:
                self._metrics.queue_latency.observe(now - since)
                state.begin()
                state.data.send(x, state, route)
        if not queue and self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._metrics.opened(time())
        self._metrics.queue_length.value = len(queue)

    def _fail_queue(self, error: ProxyError) -> None:
        queue, self._queue = self._queue, deque()
        for x, route, _ in queue:
            self._refuse(x, route, error)

    def _refuse(self, x: Exchange, route: CompiledRoute, error: ProxyError) -> None:
        backend = backend_step(self._backend, self.balancer.ready_count)
        way = Way("", [target_step(self._doc), route_step(route.route), backend])
        x.observer = Unsent(self._factory.runtime, self._doc, route, way)
        x.fail(error)

    # Endpoints.

    def _make(self, endpoint: Endpoint) -> OutboundEndpoint:
        return self._factory.make(endpoint, self._doc, self._backend, self._on_health)

    def _warm(self, most: int) -> None:
        """Connect some of the endpoints that nobody has tried: requests go to others, or wait, meanwhile (Linkerd)."""
        cold = self._cold
        while cold and most and len(self._warming) < MAX_WARMING:
            most -= 1
            index = int(random() * len(cold))
            cold[index], cold[-1] = cold[-1], cold[index]
            endpoint = cold.pop().data
            self._warming.add(endpoint)
            endpoint.warm()

    def _set_cold(self, state: State) -> None:
        self.balancer.set_ready(state, False)
        self._cold.append(state)

    def _on_health(self, endpoint: OutboundEndpoint, health: Health) -> None:
        """An endpoint can, or cannot, be connected to."""
        if health is not Health.lost:
            self._warming.discard(endpoint)
        state = self.balancer.get(endpoint.endpoint.addr)
        if state is None or state.data is not endpoint:
            return
        if health is Health.lost:
            self._set_cold(state)
        else:
            self.balancer.set_ready(state, health is Health.connected)
        self._count()
        if health is Health.connected:
            self._pump()
        elif self._queue:
            self._warm(MAX_WARMING)

    def _count(self) -> None:
        self._metrics.endpoints(ready=self.balancer.ready_count, total=len(self.balancer))

    def _retire(self, balancer: P2C[OutboundEndpoint]) -> None:
        self._cold.clear()
        self._warming.clear()
        for state in balancer.endpoints:
            state.data.retire()

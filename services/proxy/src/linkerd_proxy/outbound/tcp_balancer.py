"""The endpoints of one backend for connections that are not HTTP, and those that wait until there is one.

An endpoint's load is its open connections, its "round trip" a connection's life (Linkerd). Endpoints of opaque
connections are made when the first such connection comes.
"""

from collections.abc import Callable, Iterable
from random import random
from time import time

from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol
from linkerd_proxy.balance import P2C, FailFast
from linkerd_proxy.errors import FailFastError, LoadShed, ProxyError
from linkerd_proxy.outbound.endpoint import EndpointFactory, OutboundEndpoint
from linkerd_proxy.outbound.observer import State
from linkerd_proxy.telemetry.metrics import BalancerSeries
from linkerd_proxy.telemetry.routes import backend_labels
from linkerd_proxy.transport.wheel import Timer

Ready = Callable[[ProxyError | None], None]
"""Hears that there is an endpoint, or why the connection has to fail."""


class TcpBalancer:
    """One backend of one target."""

    def __init__(self, factory: EndpointFactory, doc: OutboundDocument, backend: Backend) -> None:
        self._factory = factory
        self._turn = factory.runtime.turn
        self._doc = doc
        self._backend = backend
        self._endpoints: P2C[OutboundEndpoint] = P2C(random, self._make, doc.balancer, None)
        self._failfast = FailFast(factory.settings.base.tcp_failfast_ms / 1000)
        self._waiting: list[tuple[Ready, float]] = []
        self._timer: Timer | None = None
        self._used = False
        self._series: BalancerSeries | None = None

    def update(self, doc: OutboundDocument, backend: Backend) -> None:
        """Another snapshot."""
        if doc.protocol is not self._doc.protocol:
            self._series = None
        self._doc, self._backend = doc, backend
        if self._used:
            self._reset(backend.endpoints)
            if len(self._endpoints):
                self._answer(None)

    def pick(self) -> State | None:
        """The endpoint of a new connection. Call its `begin`."""
        if not len(self._endpoints):
            self._reset(self._backend.endpoints)
        state = self._endpoints.pick(self._turn.now)
        if state is not None:
            self._failfast.ready()
        return state

    def wait(self, ready: Ready) -> None:
        """There is no endpoint: calls back when there is one, or with why the connection has to fail."""
        now = self._turn.now
        self._failfast.unready(now)
        base = self._factory.settings.base
        if self._failfast.check(now) or len(self._waiting) >= base.tcp_queue_capacity:
            ready(LoadShed())
            return
        self._waiting.append((ready, now))
        metrics = self._metrics
        metrics.queued(len(self._waiting))
        if self._timer is None and self._failfast.deadline is not None:
            metrics.shut(time())
            self._timer = self._factory.runtime.wheel.after(self._failfast.deadline - now, self._due)

    def retire(self) -> None:
        """The backend is gone."""
        self._answer(LoadShed())

    @property
    def _metrics(self) -> BalancerSeries:
        if self._series is None:
            metrics = self._factory.runtime.metrics
            families = metrics.tls_balancer if self._doc.protocol is Protocol.tls else metrics.tcp_balancer
            self._series = families.series(backend_labels(self._doc.parent, self._backend.resource))
            self._series.gate_timeout.value = self._factory.settings.base.tcp_failfast_ms / 1000
        return self._series

    def _reset(self, endpoints: Iterable[Endpoint]) -> None:
        first, before = not self._used, len(self._endpoints)
        self._used = True
        gone = len(self._endpoints.reset(endpoints, self._turn.now))
        after = len(self._endpoints)
        metrics = self._metrics
        metrics.updated(added=after - before + gone, removed=gone, first=first)
        metrics.endpoints(ready=self._endpoints.ready_count, total=after)

    def _make(self, endpoint: Endpoint) -> OutboundEndpoint:
        return self._factory.make(endpoint, self._doc, self._backend, lambda _endpoint, _health: None)

    def _due(self) -> None:
        self._timer = None
        self._failfast.check(self._turn.read())
        self._answer(FailFastError())

    def _answer(self, error: ProxyError | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        metrics, now = self._metrics, self._turn.now
        metrics.queue_length.value = 0
        if error is None:
            metrics.opened(time())
        for ready, since in waiting:
            if error is None:
                metrics.queue_latency.observe(now - since)
            ready(error)

"""What the balancer knows of one endpoint."""

from typing import Generic, TypeVar

from linkerd_contract.outbound import Endpoint
from linkerd_proxy.balance.breaker import Breaker
from linkerd_proxy.balance.ewma import PeakEwma

T = TypeVar("T")


class EndpointState(Generic[T]):
    """An endpoint, its load, its breaker, and `data`, which is the caller's (its connection pool).

    For each request: `begin`, then `observe` at the response's first body frame or its end, then `classify`; or
    `abandon` in place of what has not been called yet.
    """

    __slots__ = ("breaker", "data", "endpoint", "index", "load", "ready")

    def __init__(self, endpoint: Endpoint, load: PeakEwma, breaker: Breaker | None, data: T) -> None:
        self.endpoint = endpoint
        self.load = load
        self.breaker = breaker
        self.data = data
        self.ready = True
        """Whether it is connected, or may be; set through P2C.set_ready."""
        self.index = -1
        """Place in the balancer's list of ready endpoints; -1 = not in it."""

    def begin(self) -> None:
        """A request is dispatched to the endpoint."""
        self.load.pending += 1
        if self.breaker is not None:
            self.breaker.sent()

    def observe(self, rtt_ms: float, now: float) -> None:
        """The response has begun to arrive, or has ended: the request no longer counts as load."""
        self.load.pending -= 1
        self.load.observe(rtt_ms, now)

    def classify(self, success: bool, now: float, *, limited: bool = False) -> None:
        """The response was a success or a failure; `limited`: it said that the endpoint has too many requests."""
        if self.breaker is not None:
            self.breaker.record(success, now, limited=limited)

    def abandon(self, *, observed: bool = False) -> None:
        """The request ended without a verdict. `observed`: observe was called already."""
        if not observed:
            self.load.pending -= 1
        if self.breaker is not None:
            self.breaker.abandoned()

"""Power of two choices: of two distinct random endpoints, the less loaded one gets the request.

Weights and zones of discovery do not count (Linkerd). Only ready endpoints whose breaker admits a request are chosen;
the usual case, all of them, costs a random number and two loads, whatever the number of endpoints.
"""

from collections.abc import Callable, Iterable
from typing import Generic

from linkerd_contract.outbound import Balancer, Endpoint, FailureAccrual
from linkerd_proxy.balance.breaker import Breaker
from linkerd_proxy.balance.endpoints import EndpointState, T
from linkerd_proxy.balance.ewma import PeakEwma


class P2C(Generic[T]):
    """`make` gives the caller's data for a new endpoint; `rng` gives uniform floats in [0, 1)."""

    def __init__(
        self,
        rng: Callable[[], float],
        make: Callable[[Endpoint], T],
        balancer: Balancer | None = None,
        accrual: FailureAccrual | None = None,
    ) -> None:
        self._rng = rng
        self._make = make
        self._balancer = balancer or Balancer()
        self._accrual = accrual
        self._all: dict[str, EndpointState[T]] = {}
        self._ready: list[EndpointState[T]] = []

    def __len__(self) -> int:
        return len(self._all)

    @property
    def endpoints(self) -> list[EndpointState[T]]:
        """All of them, ready or not."""
        return list(self._all.values())

    @property
    def ready_count(self) -> int:
        """How many are ready, their breakers aside."""
        return len(self._ready)

    def get(self, addr: str) -> EndpointState[T] | None:
        """The endpoint of this address."""
        return self._all.get(addr)

    def pick(self, now: float) -> EndpointState[T] | None:
        """The endpoint for the next request, or None where none can take it. Call its `begin`."""
        ready = self._ready
        count = len(ready)
        if count == 0:
            return None
        if count == 1:
            return ready[0] if self._admits(ready[0], now) else None
        first, second = self._two(count)
        a, b = ready[first], ready[second]
        if self._accrual is not None and not (self._admits(a, now) and self._admits(b, now)):
            return self._pick_admitting(now)
        # A tie goes to the first.
        return a if a.load.load(now) <= b.load.load(now) else b

    def available(self, now: float) -> bool:
        """Whether `pick` would find one."""
        return any(self._admits(state, now) for state in self._ready)

    def next_admission(self) -> float | None:
        """When the first of the shut breakers goes on probation (monotonic seconds); None where none is shut."""
        times = [s.breaker.until for s in self._ready if s.breaker is not None and s.breaker.gate.value == "shut"]
        return min(times, default=None)

    def set_ready(self, state: EndpointState[T], ready: bool) -> None:
        """Take an endpoint out of the choice while it cannot be connected to, and back."""
        if state.ready == ready or self._all.get(state.endpoint.addr) is not state:
            return
        state.ready = ready
        if ready:
            self._join(state)
        else:
            self._leave(state)

    def update(self, add: Iterable[Endpoint], remove: Iterable[str], now: float) -> list[EndpointState[T]]:
        """Add (or replace, where changed) and remove endpoints. Returns those that are gone, for their drain."""
        gone = []
        for addr in remove:
            state = self._all.pop(addr, None)
            if state is not None:
                self._leave(state)
                gone.append(state)
        for endpoint in add:
            known = self._all.get(endpoint.addr)
            if known is not None:
                if known.endpoint == endpoint:
                    continue
                self._leave(known)
                gone.append(known)
            self._all[endpoint.addr] = state = self._new(endpoint, now)
            self._join(state)
        return gone

    def reset(self, endpoints: Iterable[Endpoint], now: float) -> list[EndpointState[T]]:
        """Replace the whole set; unchanged endpoints keep their state. Returns those that are gone."""
        wanted = list(endpoints)
        addrs = {endpoint.addr for endpoint in wanted}
        return self.update(wanted, [addr for addr in self._all if addr not in addrs], now)

    def _new(self, endpoint: Endpoint, now: float) -> EndpointState[T]:
        load = PeakEwma(self._balancer.default_rtt_ms, self._balancer.decay_ms, now)
        breaker = None if self._accrual is None else Breaker(self._accrual, self._rng)
        return EndpointState(endpoint, load, breaker, self._make(endpoint))

    def _pick_admitting(self, now: float) -> EndpointState[T] | None:
        """The rare case: some breakers are shut, so the choice is among the others."""
        candidates = [state for state in self._ready if self._admits(state, now)]
        count = len(candidates)
        if count < 2:
            return candidates[0] if candidates else None
        first, second = self._two(count)
        a, b = candidates[first], candidates[second]
        return a if a.load.load(now) <= b.load.load(now) else b

    def _two(self, count: int) -> tuple[int, int]:
        """Two distinct indexes below `count`, every ordered pair equally likely, from one random number."""
        others = count - 1
        first, second = divmod(int(self._rng() * count * others), others)
        return first, second + (second >= first)

    @staticmethod
    def _admits(state: EndpointState[T], now: float) -> bool:
        return state.breaker is None or state.breaker.admits(now)

    def _join(self, state: EndpointState[T]) -> None:
        state.index = len(self._ready)
        self._ready.append(state)

    def _leave(self, state: EndpointState[T]) -> None:
        """O(1): the last one takes the place."""
        if state.index < 0:
            return
        last = self._ready.pop()
        if last is not state:
            self._ready[state.index] = last
            last.index = state.index
        state.index = -1

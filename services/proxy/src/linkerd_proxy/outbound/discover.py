"""What is known of one destination: its policy as discovery last said, and the balancers behind it.

Targets are shared by all connections to the same original destination and forgotten when none has used them for a
while. What lies outside the networks that discovery knows, or what it has never heard of, is forwarded to as it is.
"""

import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, RetryBudget, Route, WeightedBackend
from linkerd_contract.watch import WatchCode, WatchError
from linkerd_proxy.addrs import OrigDst
from linkerd_proxy.errors import DiscoveryFailed
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.endpoint import EndpointFactory
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_rules.policy import OutboundPolicy
from linkerd_rules.policy.budget import Budget

log = logging.getLogger(__name__)

DISCOVERY_SECONDS = 3.0
"""How long a connection waits for a destination that nothing is known of."""

FORWARD = "forward"


def forward_document(addr: OrigDst) -> OutboundDocument:
    """A destination that discovery does not know: its bytes go where they were going."""
    return OutboundDocument(
        authority=str(addr),
        routes=[Route(name="default", backends=[WeightedBackend(FORWARD)])],
        backends={FORWARD: Backend(endpoints=[Endpoint(str(addr))])},
    )


class Closable(Protocol):
    """An interest in a target."""

    def close(self) -> None:
        """No more callbacks."""


class Discovery(Protocol):
    """What answers for destinations: control.DiscoveryClient."""

    def outbound(self, target: str, callback: Callable[[OutboundPolicy | WatchError], None]) -> Closable:
        """Call back with every snapshot of "ip:port"."""


class OutboundTarget:
    """One original destination."""

    def __init__(self, addr: OrigDst, factory: EndpointFactory, on_unused: "Callable[[OutboundTarget], None]") -> None:
        self.addr = addr
        self.accepted: TcpSeries | None = None
        """Metrics of the connections that were accepted for it."""
        self._on_unused = on_unused
        self.policy: OutboundPolicy | None = None
        self.concretes: dict[str, Concrete] = {}
        self._budgets: dict[RetryBudget, Budget] = {}
        self.connections = 0
        self.stalled = False
        """Whether it was said that detection timed out: once is enough."""
        self.idle_since = 0.0
        self.error: DiscoveryFailed | None = None
        self._factory = factory
        self._subscription: Closable | None = None
        self._known: asyncio.Event = asyncio.Event()

    def subscribe(self, discovery: Discovery) -> None:
        """Follow what discovery says."""
        self._subscription = discovery.outbound(str(self.addr), self.on_update)

    def on_update(self, update: OutboundPolicy | WatchError) -> None:
        """A new snapshot; an error only counts while there is none."""
        if isinstance(update, WatchError):
            if self.policy is None:
                self._on_error(update)
            return
        self.error = None
        self._apply(update)

    async def known(self) -> OutboundPolicy:
        """The policy, waiting for the first one. Raises DiscoveryFailed."""
        if self.policy is None:
            try:
                async with asyncio.timeout(DISCOVERY_SECONDS):
                    await self._known.wait()
            except TimeoutError:
                raise DiscoveryFailed(f"no discovery of {self.addr} within {DISCOVERY_SECONDS:g}s") from None
        if self.policy is None:
            raise self.error or DiscoveryFailed()
        return self.policy

    def budget(self, settings: RetryBudget, now: float) -> Budget:
        """The retry budget with these settings: all routes that have them share it, over changes of policy too."""
        budget = self._budgets.get(settings)
        if budget is None:
            budget = self._budgets[settings] = Budget(settings, now)
        return budget

    def released(self) -> None:
        """A connection ended."""
        self.connections -= 1
        if not self.connections:
            self._on_unused(self)

    def close(self) -> None:
        """Nobody uses it any more."""
        if self._subscription is not None:
            self._subscription.close()
        for concrete in self.concretes.values():
            concrete.retire()

    def _on_error(self, error: WatchError) -> None:
        if error.code is WatchCode.not_found:
            self._apply(OutboundPolicy(forward_document(self.addr)))
            return
        log.warning("discovery of %s: %s %s", self.addr, error.code.value, error.message)
        if not error.retryable:
            self.error = DiscoveryFailed(f"discovery of {self.addr}: {error.message or error.code.value}")
            self._known.set()

    def _apply(self, policy: OutboundPolicy) -> None:
        doc = policy.doc
        for ref, backend in doc.backends.items():
            concrete = self.concretes.get(ref)
            if concrete is None:
                concrete = self.concretes[ref] = Concrete(self._factory, doc, backend)
            concrete.update(doc, backend)
        for ref in [ref for ref in self.concretes if ref not in doc.backends]:
            self.concretes.pop(ref).retire()
        self.policy = policy
        self._known.set()


class Discover:
    """Targets by original destination."""

    def __init__(
        self,
        factory: EndpointFactory,
        discovery: Discovery,
        in_networks: Callable[[str], bool],
        idle_seconds: float,
    ) -> None:
        self._factory = factory
        self._discovery = discovery
        self._in_networks = in_networks
        self._idle_seconds = idle_seconds
        self._targets: dict[OrigDst, OutboundTarget] = {}

    def acquire(self, addr: OrigDst) -> OutboundTarget:
        """The target of a new connection. `released` when the connection ends."""
        target = self._targets.get(addr)
        if target is None:
            target = self._targets[addr] = OutboundTarget(addr, self._factory, self._unused)
            if self._in_networks(addr.host):
                target.subscribe(self._discovery)
            else:
                target.on_update(OutboundPolicy(forward_document(addr)))
        target.connections += 1
        return target

    def close(self) -> None:
        """Drop all targets."""
        targets, self._targets = self._targets, {}
        for target in targets.values():
            target.close()

    def _unused(self, target: OutboundTarget) -> None:
        runtime = self._factory.runtime
        target.idle_since = runtime.loop.time()
        runtime.wheel.after(self._idle_seconds, lambda: self._evict(target))

    def _evict(self, target: OutboundTarget) -> None:
        idle = self._factory.runtime.loop.time() - target.idle_since
        # Half a second of slack for the timer's grain; a target used since then has a later timer of its own.
        if not target.connections and idle >= self._idle_seconds - 0.5 and self._targets.get(target.addr) is target:
            del self._targets[target.addr]
            target.close()


def networks_filter(settings_networks: tuple[IPv4Network | IPv6Network, ...]) -> Callable[[str], bool]:
    """Whether a host lies in the networks that discovery knows; no networks means all (Linkerd's default)."""
    if not settings_networks:
        return lambda _host: True

    def contains(host: str) -> bool:
        addr = ip_address(host)
        return any(addr in network for network in settings_networks)

    return contains

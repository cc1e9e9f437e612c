"""PURE: which facts an object of each kind is part of: its own, and those that it shares with others.

A shared fact is also a way to look objects up: all Services at an address, all splits of an apex.
"""

from collections.abc import Callable, Iterable, Set
from copy import copy
from typing import Generic, TypeVar

from linkerd_contract.outbound import Protocol
from linkerd_destination.index.graph import Fact
from linkerd_destination.index.objects import Namespace, NamespacedName, Node, Object, Pod, Service, Slice
from linkerd_rules.validation.authorization import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    NetworkAuthentication,
    ServerAuthorization,
)
from linkerd_rules.validation.filters import FaultInjection
from linkerd_rules.validation.grant import ReferenceGrant
from linkerd_rules.validation.profile import Profile
from linkerd_rules.validation.rate_limit import RateLimitPolicy
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.route import BoundRoute, GatewayHttpRoute, GrpcRoute, LinkerdHttpRoute
from linkerd_rules.validation.server import Server
from linkerd_rules.validation.split import Split

T = TypeVar("T", bound=Object)


class Table(Generic[T]):
    """Objects of one kind, and a secondary index from facts to objects."""

    def __init__(self, own: Callable[[T], set[Fact]], shared: Callable[[T], set[Fact]]) -> None:
        self.objects: dict[NamespacedName, T] = {}
        self.by_fact: dict[Fact, dict[NamespacedName, T]] = {}
        self._own, self._shared = own, shared

    def put(self, obj: T) -> set[Fact]:
        before = self.objects.get(obj.key)
        if before == obj:
            return set()
        self.objects[obj.key] = obj
        shared = self._shared(obj)
        changed = self._own(obj) | shared
        if before is not None:
            gone = self._shared(before) - shared
            for fact in gone:
                self._unlink(fact, obj.key)
            changed |= gone
        for fact in shared:
            self.by_fact.setdefault(fact, {})[obj.key] = obj
        return changed

    def drop(self, key: NamespacedName) -> set[Fact]:
        before = self.objects.pop(key, None)
        if before is None:
            return set()
        shared = self._shared(before)
        for fact in shared:
            self._unlink(fact, key)
        return self._own(before) | shared

    def replace(self, objs: Iterable[T]) -> set[Fact]:
        changed: set[Fact] = set()
        listed = set()
        for obj in objs:
            listed.add(obj.key)
            changed |= self.put(obj)
        for key in self.objects.keys() - listed:
            changed |= self.drop(key)
        return changed

    def at(self, fact: Fact) -> list[T]:
        """Objects under a shared fact, in the order of their names, so that every replica sees them alike."""
        found = self.by_fact.get(fact)
        return [] if not found else [found[key] for key in sorted(found)]

    def copied(self) -> "Table[T]":
        """Another table of the same objects."""
        other = Table(self._own, self._shared)
        other.objects = dict(self.objects)
        other.by_fact = {fact: dict(found) for fact, found in self.by_fact.items()}
        return other

    def _unlink(self, fact: Fact, key: NamespacedName) -> None:
        found = self.by_fact[fact]
        del found[key]
        if not found:
            del self.by_fact[fact]


class Tables:
    """One table for each kind."""

    def __init__(self) -> None:
        self.namespaces = Table[Namespace](lambda n: {("namespace", n.name)}, _none)
        self.nodes = Table[Node](lambda n: {("node", n.name)}, _none)
        self.services = Table[Service](
            lambda s: {("service", s.namespace, s.name)}, lambda s: {("service-ip", ip) for ip in s.ips}
        )
        self.slices = Table[Slice](_none, lambda s: {("slices", s.namespace, s.service)})
        self.pods = Table[Pod](lambda p: {("pod", p.namespace, p.name)}, _pod_facts)
        self.profiles = Table[Profile](
            lambda p: {("profile", *p.key)},
            lambda p: {("profiles", p.meta.name), ("profiles-in", p.meta.namespace)},
        )
        self.splits = Table[Split](_none, lambda s: {("splits", s.meta.namespace, s.service)})
        self.servers = Table[Server](_none, _server_facts)
        self.server_authorizations = Table[ServerAuthorization](
            _none, lambda a: {("server-authorizations", a.meta.namespace)}
        )
        self.authorization_policies = Table[AuthorizationPolicy](_none, lambda p: {policy_fact(p.target)})
        self.mesh_tls = Table[MeshTLSAuthentication](lambda a: {("mesh-tls", *a.key)}, _none)
        self.networks = Table[NetworkAuthentication](lambda a: {("networks", *a.key)}, _none)
        self.rate_limits = Table[RateLimitPolicy](lambda p: {("rate-limit", *p.key)}, _rate_limit_facts)
        self.linkerd_http_routes = Table[LinkerdHttpRoute](_none, _route_facts)
        self.gateway_http_routes = Table[GatewayHttpRoute](_none, _route_facts)
        self.grpc_routes = Table[GrpcRoute](_none, _route_facts)
        self.grants = Table[ReferenceGrant](_none, lambda g: {("grants", g.meta.namespace)})
        self.faults = Table[FaultInjection](lambda f: {("fault", *f.key)}, _none)
        self.of: dict[type[object], Table] = {  # type: ignore[type-arg]
            Namespace: self.namespaces,
            Node: self.nodes,
            Service: self.services,
            Slice: self.slices,
            Pod: self.pods,
            Profile: self.profiles,
            Split: self.splits,
            Server: self.servers,
            ServerAuthorization: self.server_authorizations,
            AuthorizationPolicy: self.authorization_policies,
            MeshTLSAuthentication: self.mesh_tls,
            NetworkAuthentication: self.networks,
            RateLimitPolicy: self.rate_limits,
            LinkerdHttpRoute: self.linkerd_http_routes,
            GatewayHttpRoute: self.gateway_http_routes,
            GrpcRoute: self.grpc_routes,
            ReferenceGrant: self.grants,
            FaultInjection: self.faults,
        }

    def copied(self, kinds: Set[type[object]]) -> "Tables":
        """The same tables, but those of `kinds` copies."""
        other = copy(self)
        other.of = dict(self.of)
        for name, table in vars(self).items():
            kind = next((kind for kind in kinds if self.of[kind] is table), None)
            if kind is not None:
                other.of[kind] = table.copied()
                setattr(other, name, other.of[kind])
        return other


def _none(_: object) -> set[Fact]:
    return set()


def _server_facts(server: Server) -> set[Fact]:
    facts: set[Fact] = {("servers", server.meta.namespace)}
    if server.protocol is Protocol.opaque:
        # Outbound documents ask for these alone.
        facts.add(("opaque-servers", server.meta.namespace))
    return facts


def policy_fact(target: Ref) -> Fact:
    """The AuthorizationPolicies of one target."""
    return ("authorization-policies", target.group, target.kind, target.namespace, target.name)


def _route_facts(route: BoundRoute) -> set[Fact]:
    own: set[Fact] = {("route", route.group, route.kind, *route.key)}
    if route.unusable:
        return own
    return own | {("routes", parent.ref.kind, parent.ref.namespace, parent.ref.name) for parent in route.parents}


def _rate_limit_facts(policy: RateLimitPolicy) -> set[Fact]:
    return set() if policy.unusable else {("rate-limits", policy.meta.namespace, policy.server)}


def _pod_facts(pod: Pod) -> set[Fact]:
    """Pods on the host's network share the node's address: it names no pod, but a port of it may."""
    if pod.ended:
        return set()
    facts: set[Fact] = {("host-port", ip, str(port)) for port, _ in pod.host_ports for ip in pod.host_ips}
    if not pod.host_network:
        facts |= {("pod-ip", ip) for ip in pod.ips}
    return facts

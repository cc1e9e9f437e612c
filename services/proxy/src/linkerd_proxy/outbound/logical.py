"""From a request to a backend: the route that takes it, and the backend that the route's split gives it.

A route with filters, timeouts, retries or metrics of its own has RouteFeatures, and its requests are Managed on their
way; a plain route's requests go straight to the backend.
"""

from linkerd_contract.explain import DecisionStep
from linkerd_proxy.errors import BackendMissing, ProxyError, RouteNotFound, Unauthorized
from linkerd_proxy.http.exchange import Exchange, Told, Way
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.told import tell
from linkerd_proxy.outbound.books import Unsent, is_plain
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.discover import OutboundTarget
from linkerd_proxy.outbound.features import Choice, RouteFeatures
from linkerd_proxy.outbound.managed import Managed
from linkerd_proxy.outbound.way import no_route_step, route_step, target_step
from linkerd_rules.policy import CompiledRoute, OutboundPolicy


class Logical:
    """The service of the HTTP connections to one target."""

    __slots__ = ("_features", "_policy", "_runtime", "_single", "_target")

    def __init__(self, target: OutboundTarget, runtime: Runtime) -> None:
        self._target = target
        self._runtime = runtime
        self._policy: OutboundPolicy | None = None
        self._single: dict[int, Concrete] = {}
        self._features: dict[int, RouteFeatures | None] = {}

    def __call__(self, x: Exchange) -> None:
        policy = self._target.policy
        if policy is not self._policy:
            self._follow(policy)
        assert policy is not None
        head = x.head
        route = policy.route(head.method, head.authority, head.path, head.fields)
        if route is None:
            self._refuse(x, RouteNotFound(), no_route_step(policy.doc))
            return
        concrete = self._single.get(id(route))
        if concrete is None:
            if policy.doc.forbidden:
                self._refuse(x, Unauthorized("destination is forbidden by policy"), route_step(route.route))
                return
            features = self._features_of(policy, route)
            if features is not None:
                Managed(features, x).start()
                return
            choice = self._split(route)
            if choice is None:
                way = Way("", [target_step(policy.doc), route_step(route.route)])
                x.observer = Unsent(self._runtime, policy.doc, route, way)
                x.fail(BackendMissing())
                return
            concrete = choice[1]
            if len(route.route.backends) == 1:
                self._single[id(route)] = concrete
        concrete.send(x, route)

    def close(self) -> None:
        """The connection has ended: what is kept for its routes refers back to this."""
        self._single.clear()
        self._features.clear()

    def failed(self, x: Exchange, error: ProxyError) -> str:
        """A request failed, here or at an endpoint: what l5d-proxy-error says."""
        self._runtime.metrics.outbound_errors.http.labels(error.label).value += 1
        return tell(self._runtime.decisions, "outbound", x, error)

    def _refuse(self, x: Exchange, error: ProxyError, step: DecisionStep) -> None:
        """Answer a request that goes nowhere."""
        policy = self._policy
        x.observer = Told(Way("", [step] if policy is None else [target_step(policy.doc), step]))
        x.fail(error)

    def _follow(self, policy: OutboundPolicy | None) -> None:
        """Another snapshot: plain routes with one backend are looked up by identity."""
        self._policy = policy
        self._single.clear()
        self._features.clear()

    def _features_of(self, policy: OutboundPolicy, route: CompiledRoute) -> RouteFeatures | None:
        """None for a plain route."""
        key = id(route)
        if key not in self._features:
            features = None
            if not is_plain(route, policy.doc):
                budget = None
                if route.retry is not None and route.retry.retry.budget is not None:
                    budget = self._target.budget(route.retry.retry.budget, self._runtime.turn.now)
                features = RouteFeatures(self._runtime, policy.doc, route, lambda: self._split(route), budget)
            self._features[key] = features
        return self._features[key]

    def _split(self, route: CompiledRoute) -> Choice | None:
        backends = route.route.backends
        if len(backends) == 1:
            ref: str | None = backends[0].ref
        else:
            ref = route.pick_backend(self._runtime.rng(), self._is_available)
        concrete = self._target.concretes.get(ref) if ref is not None else None
        return None if ref is None or concrete is None else (ref, concrete)

    def _is_available(self, ref: str) -> bool:
        concrete = self._target.concretes.get(ref)
        return concrete is not None and concrete.available()

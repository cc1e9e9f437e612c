"""From a request to a backend: the route that takes it, and the backend that the route's split gives it.

Filters, timeouts and retries belong here, between the route and the backend. They are not implemented: a route with a
filter answers 500, as to ignore it would be worse; timeouts do not run and nothing is sent twice.
"""

from collections.abc import Callable

from linkerd_proxy.errors import BackendMissing, FilterNotImplemented, ProxyError, RouteNotFound, Unauthorized
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.discover import OutboundTarget
from linkerd_proxy.telemetry.metrics import ErrorFamilies
from linkerd_rules.policy import CompiledRoute, OutboundPolicy


class Logical:
    """The service of the HTTP connections to one target."""

    __slots__ = ("_errors", "_policy", "_rng", "_single", "_target")

    def __init__(self, target: OutboundTarget, errors: ErrorFamilies, rng: Callable[[], float]) -> None:
        self._target = target
        self._errors = errors
        self._rng = rng
        self._policy: OutboundPolicy | None = None
        self._single: dict[int, Concrete] = {}

    def __call__(self, x: Exchange) -> None:
        policy = self._target.policy
        if policy is not self._policy:
            self._follow(policy)
        assert policy is not None
        head = x.head
        route = policy.route(head.method, head.authority, head.path, head.fields)
        if route is None:
            self.refuse(x, RouteNotFound())
            return
        concrete = self._single.get(id(route))
        if concrete is None:
            if policy.doc.forbidden:
                self.refuse(x, Unauthorized("destination is forbidden by policy"))
                return
            if not route.filters.empty or route.backend_filters:
                self.refuse(x, FilterNotImplemented())
                return
            concrete = self._split(route)
            if concrete is None:
                self.refuse(x, BackendMissing())
                return
        concrete.send(x, route)

    def refuse(self, x: Exchange, error: ProxyError) -> None:
        """Answer a request that goes nowhere."""
        self._errors.http.labels(error.label).value += 1
        x.fail(error)

    def _follow(self, policy: OutboundPolicy | None) -> None:
        """Another snapshot: routes with one backend are looked up by identity."""
        self._policy = policy
        self._single.clear()

    def _split(self, route: CompiledRoute) -> Concrete | None:
        concretes = self._target.concretes
        backends = route.route.backends
        if len(backends) == 1:
            concrete = concretes.get(backends[0].ref)
            if concrete is not None:
                self._single[id(route)] = concrete
            return concrete
        ref = route.pick_backend(self._rng(), self._is_available)
        return concretes.get(ref) if ref is not None else None

    def _is_available(self, ref: str) -> bool:
        concrete = self._target.concretes.get(ref)
        return concrete is not None and concrete.available()

"""An outbound document, compiled: which route a request takes, and what holds on it."""

from collections.abc import Callable
from copy import copy

from msgspec.structs import replace

from linkerd_contract.matching import Condition, StringMatch
from linkerd_contract.outbound import Backend, OutboundDocument, Route, RouteOrder
from linkerd_rules.policy.classify import Classifier
from linkerd_rules.policy.filters import Filters
from linkerd_rules.policy.match import Headers, Matcher, Rank, compile_condition, compile_host, never, rank, request
from linkerd_rules.policy.regex import BadRegex
from linkerd_rules.policy.retry import CompiledRetry
from linkerd_rules.policy.split import Split
from linkerd_rules.policy.timeouts import CompiledTimeouts


class CompiledRoute:
    """One route. `only_backend` is set where there is no choice to make; `retry` is None where there are no retries."""

    __slots__ = (
        "_classifier",
        "backend_filters",
        "filters",
        "only_backend",
        "retry",
        "route",
        "split",
        "timeouts",
    )

    def __init__(self, route: Route) -> None:
        self.route = route
        self.split = Split(route.backends)
        self.only_backend = self.split.only
        self.filters = Filters(route.filters)
        self.backend_filters = {b.ref: Filters(b.filters) for b in route.backends if b.filters}
        self.retry = None if route.retry is None else CompiledRetry(route.retry)
        self.timeouts = CompiledTimeouts.of(route.timeouts)
        self._classifier = Classifier(route.response_classes)

    def pick_backend(self, random: float, available: Callable[[str], bool]) -> str | None:
        """A key of the document's backends; see Split.pick."""
        return self.split.pick(random, available)

    def classify(self, status: int, grpc_status: int | None, is_grpc: bool) -> bool:
        """Whether a response was a success."""
        return self._classifier.success(status, grpc_status, is_grpc)


class OutboundPolicy:
    """`only` is the route where there is but one and it takes everything: then `route` need not be called.

    `problems` says what in the document could not be used; a condition that does not compile matches nothing.
    """

    __slots__ = ("_alternatives", "doc", "only", "problems", "routes")

    def __init__(self, doc: OutboundDocument) -> None:
        self.doc = doc
        self.problems: list[str] = []
        self.routes = [CompiledRoute(route) for route in doc.routes]
        self._alternatives = _alternatives(doc, self.routes, self.problems)
        first = self._alternatives[0] if self._alternatives else None
        self.only: CompiledRoute | None = first[1] if first is not None and first[0] is None else None

    def with_backends(self, backends: dict[str, Backend]) -> "OutboundPolicy":
        """The same policy over other backends: routes stay the objects that they are."""
        policy = copy(self)
        policy.doc = replace(self.doc, backends=backends)
        return policy

    def route(self, method: bytes, authority: bytes, path: bytes, headers: Headers) -> CompiledRoute | None:
        """The route of a request; None where no route matches (404). Header names in any case."""
        if self.only is not None:
            return self.only
        r = request(method, authority, path, headers)
        for matcher, route in self._alternatives:
            if matcher is None or matcher(r):
                return route
        return None


Alternative = tuple[Matcher | None, CompiledRoute]


def _alternatives(doc: OutboundDocument, routes: list[CompiledRoute], problems: list[str]) -> list[Alternative]:
    """Every host and match of every route, in the order in which they are tried; None matches everything."""
    found: list[tuple[Rank, Alternative]] = []
    for compiled in routes:
        route = compiled.route
        for host in hosts_of(route.hosts):
            for condition in route.matches or [Condition()]:
                try:
                    matcher = compile_condition(condition)
                    if host is not None:
                        matcher = with_host(compile_host(host), matcher)
                except BadRegex as error:
                    problems.append(f"route {route.name or route.resource.name}: {error}")
                    matcher = never
                found.append((rank(host, condition), (matcher, compiled)))
    if doc.route_order is not RouteOrder.first:
        # Stable, so that of equals the earlier route wins.
        found.sort(key=lambda item: item[0], reverse=True)
    return [alternative for _, alternative in found]


def with_host(test_host: Callable[[bytes], bool], matcher: Matcher | None) -> Matcher:
    """A host's test before the rest."""
    if matcher is None:
        return lambda r: test_host(r.host)
    return lambda r: test_host(r.host) and matcher(r)


def hosts_of(hosts: list[StringMatch]) -> list[StringMatch | None]:
    """Each host; None, which is every host, where there is none."""
    return [*hosts] if hosts else [None]

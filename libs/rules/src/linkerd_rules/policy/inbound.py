"""An inbound document, compiled: what a port speaks, who may connect, and which rule a request falls under."""

from linkerd_contract.inbound import InboundDocument, InboundProfile, InboundRoute, PortPolicy
from linkerd_contract.matching import Condition
from linkerd_contract.outbound import OutboundDocument, RouteOrder
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy.authz import Authorizer, Verdict
from linkerd_rules.policy.filters import Filters
from linkerd_rules.policy.match import Headers, Matcher, Rank, compile_condition, compile_host, never, rank, request
from linkerd_rules.policy.outbound import OutboundPolicy, hosts_of, with_host
from linkerd_rules.policy.rate_limit import RateLimiter
from linkerd_rules.policy.regex import BadRegex

DEFAULT_ROUTE = ResourceRef(name="default")
"""Linkerd's name for the route of a port that has none (route_* labels)."""


class InboundRule:
    """What holds for the requests of one route."""

    __slots__ = ("_authorizer", "filters", "route")

    def __init__(self, route: InboundRoute, authorizer: Authorizer) -> None:
        self.route = route
        self.filters = Filters(route.filters)
        self._authorizer = authorizer

    def authorize(self, client_ip: str, identity: str | None, tls: bool) -> Verdict:
        """The verdict on a request; a look-up where the client is known."""
        return self._authorizer.authorize(client_ip, identity, tls)


class PortRules:
    """Policy of one port. `only` is the rule where there is but one and it takes everything."""

    __slots__ = (
        "_alternatives",
        "_authorizer",
        "_profiles",
        "only",
        "policy",
        "problems",
        "protocol",
        "rate_limiter",
        "rules",
    )

    def __init__(self, policy: PortPolicy) -> None:
        self.policy = policy
        self.protocol = policy.protocol
        self.problems: list[str] = []
        self.rate_limiter = None if policy.rate_limit is None else RateLimiter(policy.rate_limit)
        self._authorizer = Authorizer(policy.authorizations, policy.server)
        routes = policy.routes or [InboundRoute(resource=DEFAULT_ROUTE)]
        self.rules = [
            InboundRule(
                route,
                # A route's authorizations add to the port's (HTTPRoute with parent Server).
                Authorizer([*policy.authorizations, *route.authorizations], policy.server)
                if route.authorizations
                else self._authorizer,
            )
            for route in routes
        ]
        self._alternatives = self._sorted()
        first = self._alternatives[0]
        self.only: InboundRule | None = first[1] if first[0] is None else None
        self._profiles = {_name(one.authority.encode()): _profile(one) for one in policy.profiles}
        for profile in self._profiles.values():
            self.problems += profile.problems

    @property
    def has_profiles(self) -> bool:
        """Whether `profile` may find one."""
        return bool(self._profiles)

    def profile(self, logical: bytes) -> OutboundPolicy | None:
        """The routes of the Service that a request was sent to, by its name in full; without a port it is 80."""
        return self._profiles.get(_name(logical))

    def authorize_tcp(self, client_ip: str, identity: str | None, tls: bool) -> Verdict:
        """The verdict on a connection, where the port is opaque or is not HTTP."""
        return self._authorizer.authorize(client_ip, identity, tls)

    def route(self, method: bytes, authority: bytes, path: bytes, headers: Headers) -> InboundRule | None:
        """The rule of a request; None where no route matches (404)."""
        if self.only is not None:
            return self.only
        r = request(method, authority, path, headers)
        for matcher, rule in self._alternatives:
            if matcher is None or matcher(r):
                return rule
        return None

    def _sorted(self) -> list[tuple[Matcher | None, InboundRule]]:
        found: list[tuple[Rank, tuple[Matcher | None, InboundRule]]] = []
        for rule in self.rules:
            for host in hosts_of(rule.route.hosts):
                for condition in rule.route.matches or [Condition()]:
                    try:
                        matcher = compile_condition(condition)
                        if host is not None:
                            matcher = with_host(compile_host(host), matcher)
                    except BadRegex as error:
                        self.problems.append(f"route {rule.route.resource.name}: {error}")
                        matcher = never
                    found.append((rank(host, condition), (matcher, rule)))
        found.sort(key=lambda item: item[0], reverse=True)
        return [alternative for _, alternative in found]


def _profile(profile: InboundProfile) -> OutboundPolicy:
    return OutboundPolicy(OutboundDocument(profile.authority, route_order=RouteOrder.first, routes=profile.routes))


def _name(authority: bytes) -> bytes:
    host, _, port = authority.lower().partition(b":")
    return host.removesuffix(b".") + b":" + (port or b"80")


class InboundPolicy:
    """Rules by port, each compiled when first asked for."""

    __slots__ = ("_default", "_ports", "doc")

    def __init__(self, doc: InboundDocument) -> None:
        self.doc = doc
        self._ports: dict[int, PortRules] = {}
        self._default: PortRules | None = None

    def port(self, port: int) -> PortRules:
        """The rules of a port; ports without any of their own share the default's."""
        rules = self._ports.get(port)
        if rules is not None:
            return rules
        policy = self.doc.ports.get(str(port))
        if policy is not None:
            rules = self._ports[port] = PortRules(policy)
            return rules
        if self._default is None:
            self._default = PortRules(self.doc.default)
        return self._default

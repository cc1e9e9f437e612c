"""One client's standing under one rule: allowed or not, by which authorization, and the books of its requests.

Made once for each connection and rule, and again after every change of policy: authorization is per request, at the
cost of a look-up.
"""

from linkerd_contract.explain import DecisionStep
from linkerd_contract.inbound import PortPolicy
from linkerd_contract.names import L5D_CLIENT_ID, L5D_ORIG_PROTO
from linkerd_contract.resource import ResourceRef
from linkerd_proxy.codec.headers import Header, Headers
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import CARRIED, GRPC, Exchange, Way
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import HttpSeries
from linkerd_rules.policy import InboundRule, PortRules
from linkerd_rules.policy.classify import default_success
from linkerd_rules.policy.misses import nearest_authorization

_REMOVED = frozenset((L5D_CLIENT_ID, L5D_ORIG_PROTO))
"""What only a proxy may say to the application (client id), and what only proxies say to each other."""
_HTTP_11: Header = (L5D_ORIG_PROTO, b"HTTP/1.1")


class Permit:
    """A verdict, and the series of the requests under it."""

    __slots__ = (
        "_classes",
        "_client",
        "_client_id",
        "_filters",
        "_http",
        "_rule",
        "_rules",
        "_turn",
        "_verdict",
        "_way",
        "allowed",
        "audit",
        "count",
        "facts",
        "message",
        "requests",
    )

    def __init__(self, runtime: Runtime, client: Client, rules: PortRules, rule: InboundRule) -> None:
        verdict = rule.authorize(client.ip, client.identity, client.tls)
        self._client = client
        self._rules = rules
        self._rule = rule
        self._verdict = verdict
        self._way: Way | None = None
        self.allowed = verdict.allowed
        self.audit = verdict.audit
        self._filters = None if rule.filters.empty else rule.filters
        self._turn = runtime.turn
        self._client_id: list[Header] = (
            [(L5D_CLIENT_ID, client.identity.encode())] if client.identity is not None else []
        )
        self.message = f"unauthorized request on route {_name(rule.route.resource)}"
        server = labels.resource("srv", rules.policy.server, port=True)
        pairs = [*client.labels, *server, *labels.resource("route", rule.route.resource)]
        authz = runtime.metrics.authz
        if self.allowed:
            pairs += labels.resource("authz", verdict.resource)
            self.count = authz.http_allow.labels(base=labels.render(pairs))
        else:
            self.count = authz.http_deny.labels(base=labels.render(pairs))
        self._http: HttpSeries = runtime.metrics.http.series(labels.render(pairs))
        self.requests = self._http.requests
        self.facts = facts(client, rule.route.resource)
        self._classes: dict[tuple[bytes, bytes | None], tuple[int, bool, int | None]] = {}

    def fields(self, head: RequestHead) -> Headers:
        """The head for the application."""
        known = head.decision
        if known is not None and known[0] is self:
            return known[1]
        fields = [field for field in head.fields if field[0] not in _REMOVED] + self._client_id
        if self._filters is not None:
            fields = [*self._filters.request_headers(fields)]
        head.decision = (self, fields)
        return fields

    def response_head(self, x: Exchange, head: Headers) -> Headers:
        if self._filters is not None:
            head = [*self._filters.response_headers(head)]
        return [*head, _HTTP_11] if x.flags & CARRIED else head

    def first_data(self, x: Exchange) -> None:
        pass

    def response_end(self, x: Exchange, trailers: Headers | None) -> None:
        found = self._classes.get((x.status, x.grpc_status))
        if found is None:
            found = self._class(x)
        self._http.end(found[0], found[1], (self._turn.now - x.started) * 1000, found[2])

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        if error is not None:
            status = int(x.status) if x.status else error.status
            self._http.end(status, False, (self._turn.now - x.started) * 1000, None, error.label)

    def explain(self, x: Exchange) -> Way:
        if self._way is None:
            nearest = ""
            if not self.allowed:
                candidates = [*self._rules.policy.authorizations, *self._rule.route.authorizations]
                client = self._client
                nearest = nearest_authorization(candidates, client.ip, client.identity, client.tls)
            found = way(self._client, self._rules.policy, self._rule.route.resource)
            verdict = "allowed" if self.allowed else "denied"
            last = DecisionStep("authorization", verdict, nearest, self._verdict.resource)
            self._way = found._replace(steps=[*found.steps, last])
        return self._way

    def _class(self, x: Exchange) -> tuple[int, bool, int | None]:
        status = int(x.status)
        grpc_status = int(x.grpc_status) if x.grpc_status is not None and x.grpc_status.isdigit() else None
        found = (status, default_success(status, grpc_status, x.flags & GRPC != 0), grpc_status)
        # The application chooses these: what is not usual is not kept.
        if len(self._classes) < 64:
            self._classes[x.status, x.grpc_status] = found
        return found


def facts(client: Client, route: ResourceRef) -> Facts:
    """What hooks are told of a client's requests."""
    return Facts(
        client.dst,
        source=client.addr,
        source_labels=client.metadata,
        destination_labels={},
        route_labels=labels.described(route),
    )


def way(client: Client, policy: PortPolicy, route: ResourceRef | None) -> Way:
    """The decisions on a client's request up to its route; None where no route takes it."""
    tls = client.metadata["tls"]
    steps = [
        DecisionStep("client", client.identity or str(client.addr), "mTLS" if client.tls else f"no mTLS: {tls}"),
        DecisionStep("server", _name(policy.server), f"port {client.dst.port}", policy.server),
    ]
    if route is None:
        steps.append(DecisionStep("route", "none", f"none of {len(policy.routes)} routes takes it"))
    else:
        steps.append(DecisionStep("route", _name(route), "", route))
    return Way(client.identity or str(client.addr), steps)


def _name(resource: ResourceRef) -> str:
    return resource.name or "default"

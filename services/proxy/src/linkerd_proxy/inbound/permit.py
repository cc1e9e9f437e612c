"""One client's standing under one rule: allowed or not, by which authorization, and the books of its requests.

Made once for each connection and rule, and again after every change of policy: authorization is per request, at the
cost of a look-up.
"""

from bisect import bisect_left

from linkerd_contract.explain import DecisionStep
from linkerd_contract.inbound import PortPolicy
from linkerd_contract.names import L5D_CLIENT_ID, L5D_ORIG_PROTO
from linkerd_contract.resource import ResourceRef
from linkerd_proxy.codec.headers import Header, Headers
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.counting import Counting
from linkerd_proxy.http.exchange import CARRIED, GRPC, Exchange, Way
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.inbound.profile import ProfileRoute
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.book import BOUNDS_MS, Responses
from linkerd_proxy.telemetry.metrics import ALLOWED, DENIED, INBOUND, LEGACY
from linkerd_proxy.telemetry.routes import inbound_labels
from linkerd_rules.policy import InboundRule, PortRules
from linkerd_rules.policy.classify import default_success
from linkerd_rules.policy.misses import nearest_authorization

_REMOVED = frozenset((L5D_CLIENT_ID, L5D_ORIG_PROTO))
"""What only a proxy may say to the application (client id), and what only proxies say to each other."""
_HTTP_11: Header = (L5D_ORIG_PROTO, b"HTTP/1.1")


class Permit(Counting):
    """A verdict, and the series of the requests under it."""

    __slots__ = (
        "_classify",
        "_client",
        "_client_id",
        "_filters",
        "_rule",
        "_rules",
        "_turn",
        "_usual",
        "_verdict",
        "_way",
        "allowed",
        "audit",
        "facts",
        "message",
        "profile",
    )

    def __init__(
        self,
        runtime: Runtime,
        client: Client,
        rules: PortRules,
        rule: InboundRule,
        authority: str = "",
        profile: ProfileRoute | None = None,
    ) -> None:
        """`authority` is a label of request_total and its like; empty: there is none."""
        self.profile = profile
        """The route of a ServiceProfile that takes the requests, where there is one."""
        self._classify = default_success if profile is None else profile.classify
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
        server = client.server_labels(rules.policy.server)
        pairs = [*client.labels, *server, *labels.resource("route", rule.route.resource)]
        if self.allowed:
            pairs += labels.resource("authz", verdict.resource)
        text = labels.render(pairs)
        places = (
            (LEGACY, labels.join(labels.render([("authority", authority)]), text)),
            (ALLOWED if self.allowed else DENIED, text),
            (INBOUND, inbound_labels(rules.policy.server, client.dst.port, rule.route.resource)),
        )
        super().__init__(runtime.metrics.requests, places)
        self.facts = facts(client, rule.route.resource)
        self._usual: dict[tuple[bytes, bytes | None, int], Responses] = {}

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
        responses = self._usual.get((x.status, x.grpc_status, x.flags & GRPC))
        if responses is None:
            responses = self._responses(x)
        now = self._turn.now
        ms = (now - x.started) * 1000
        responses.counts[bisect_left(BOUNDS_MS, ms)] += 1
        responses.sum += ms
        if x.sent:
            responses.body(ms, (now - x.sent) * 1000)

    def failed(self, x: Exchange, error: ProxyError | None) -> None:
        if error is not None:
            status = int(x.status) if x.status else error.status
            ms = (self._turn.now - x.started) * 1000
            self.cell(x).responses(status, False, None, error).observe(ms)

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

    def _responses(self, x: Exchange) -> Responses:
        status = int(x.status)
        grpc_status = int(x.grpc_status) if x.grpc_status is not None and x.grpc_status.isdigit() else None
        success = self._classify(status, grpc_status, x.flags & GRPC != 0)
        found = self.cell(x).responses(status, success, grpc_status)
        # The application chooses these: what is not usual is not kept.
        if len(self._usual) < 64:
            self._usual[x.status, x.grpc_status, x.flags & GRPC] = found
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

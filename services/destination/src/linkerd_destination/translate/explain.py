"""PURE: what would become of a request, decision by decision, with the code that the proxies run.

Outbound at the client's proxy: service, protocol, route, filters, retries, timeouts, backends, endpoint. Inbound at the
proxy of one endpoint: server, route, authorization, rate limit. The nearest miss says what came closest to another end.
"""

from dataclasses import dataclass, field, replace

from linkerd_contract import names
from linkerd_contract.explain import DecisionStep, Explanation
from linkerd_contract.matching import Condition
from linkerd_contract.outbound import Backend, BackendStatus, Endpoint, OutboundDocument, Protocol, ProtocolHint
from linkerd_contract.resource import ResourceRef
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import View
from linkerd_destination.translate import describe
from linkerd_destination.translate.backends import Backends
from linkerd_destination.translate.endpoints import Caller, meshed_on
from linkerd_destination.translate.inbound import render_inbound
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer
from linkerd_rules.policy import CompiledRoute, InboundPolicy, OutboundPolicy, PortRules
from linkerd_rules.policy.filters import Filters, Target, matched_prefix
from linkerd_rules.policy.match import Headers, request
from linkerd_rules.policy.misses import nearest_authorization, nearest_route

_OPAQUE = (Protocol.opaque, Protocol.tls)
# The greatest draw of a random number: what answers at this one answers always.
_LAST = 1 - 2**-53


@dataclass(frozen=True, slots=True)
class Question:
    """A request as an application would send it. `target` is "fqdn:port" or "ip:port"; `path` has its query."""

    client: Pod
    target: str
    authority: str
    path: str = "/"
    method: str = "GET"
    headers: Headers = ()


@dataclass(slots=True)
class _Answer:
    steps: list[DecisionStep] = field(default_factory=list)
    nearest_miss: str = ""

    def step(self, stage: str, verdict: str, reason: str = "", resource: ResourceRef | None = None) -> None:
        self.steps.append(DecisionStep(stage=stage, verdict=verdict, reason=reason, resource=resource))

    def end(self, *, allowed: bool) -> Explanation:
        return Explanation(allowed=allowed, steps=self.steps, nearest_miss=self.nearest_miss)


def explain(view: View, question: Question) -> Explanation:
    """The explanation; a target without an answer is one too."""
    answer = _Answer()
    client = question.client
    identity = _client_identity(view, client)
    answer.step("client", f"{client.namespace}/{client.name}", f"identity {identity}" if identity else "not meshed")
    if identity is None:
        answer.step("outbound", "no proxy", "the client's requests go where the cluster sends them")
    try:
        document = render_outbound(view, question.target, Caller(client.namespace, view.zone(client.node), client.node))
    except NoAnswer as error:
        answer.step("service", error.error.code.value, error.error.message)
        return answer.end(allowed=error.error.code is not WatchCode.invalid_target and identity is None)
    answer.step("service", document.authority, _profile(document), document.parent)
    if document.forbidden and identity is not None:
        answer.step("service", "forbidden", "the Service has no such port")
        return answer.end(allowed=False)
    backend: Backend | None
    if identity is None:
        backend = _unmeshed_backend(view, document)
    else:
        answer.step("protocol", document.protocol.value, describe.protocol(document.protocol))
        chosen = _backend(answer, question, document)
        if chosen is None:
            return answer.end(allowed=False)
        backend, question = chosen
    endpoint = None if backend is None else _endpoint(answer, backend, identity)
    if endpoint is None:
        return answer.end(allowed=False)
    opaque = document.protocol in _OPAQUE or endpoint.protocol_hint is ProtocolHint.opaque
    # Between two proxies ALPN says that it is bytes; what comes in plain text is looked at by the server's proxy alone.
    bytes_only = opaque and identity is not None and endpoint.identity is not None
    return answer.end(allowed=_inbound(view, answer, question, endpoint, identity, http=not bytes_only))


def _unmeshed_backend(view: View, document: OutboundDocument) -> Backend | None:
    """Where the cluster itself sends a request: no routes, no splits."""
    parent = document.parent
    service = view.service(parent.namespace, parent.name) if parent.kind == "Service" else None
    if service is None:
        return next(iter(document.backends.values()), None)
    backends = Backends(view, Caller(), None)
    return backends.found[backends.service(service, parent.port)]


def _client_identity(view: View, pod: Pod) -> str | None:
    config = view.config
    if not pod.has_proxy or pod.control_plane_namespace != config.control_plane_namespace:
        return None
    return names.identity_name(pod.service_account, pod.namespace, config.control_plane_namespace, config.trust_domain)


def _profile(document: OutboundDocument) -> str:
    return f"by ServiceProfile {document.profile}" if document.profile else ""


def _route(answer: _Answer, question: Question, document: OutboundDocument) -> CompiledRoute | None:
    """The route; None where none takes the request."""
    policy = OutboundPolicy(document)
    if document.protocol in _OPAQUE:
        return policy.only or policy.routes[-1]
    method, authority, path = question.method.encode(), question.authority.encode(), question.path.encode()
    route = policy.route(method, authority, path, question.headers)
    if route is None or not route.route.matches:
        candidates = [(r.resource, r.name, r.hosts, r.matches) for r in document.routes if r.resource.kind != "default"]
        answer.nearest_miss = nearest_route(candidates, request(method, authority, path, question.headers))
    if route is None:
        answer.step("route", "not found", "no route takes the request: 404")
    return route


def _backend(answer: _Answer, question: Question, document: OutboundDocument) -> tuple[Backend, Question] | None:
    """The backend that gets most, and the request as it gets there; None where the request ends before."""
    route = _route(answer, question, document)
    if route is None:
        return None
    answer.step("route", route.route.name or "default", describe.matches(route.route.matches), route.route.resource)
    for stage, text in describe.traffic(document, route.route):
        answer.step(stage, text)
    weighted = [one for one in route.route.backends if one.weight > 0]
    total = sum(one.weight for one in weighted)
    for one in weighted:
        found = document.backends[one.ref]
        share = f"{100 * one.weight / total:.4g} %"
        where = describe.addresses(found.endpoints) if found.status is BackendStatus.ok else "missing: 500"
        answer.step("backend", f"{one.ref} {share}", where, found.resource)
    if not weighted:
        answer.step("backend", "none", "all weights are zero")
        return None
    ref = max(weighted, key=lambda one: one.weight).ref
    for filters in (route.filters, route.backend_filters.get(ref)) if document.protocol not in _OPAQUE else ():
        if filters is not None and not filters.empty:
            if _answered(answer, question, filters, route.route.matches):
                return None
            question = replace(question, headers=filters.request_headers(question.headers))
    return document.backends[ref], question


def _answered(answer: _Answer, question: Question, filters: Filters, matches: list[Condition]) -> bool:
    """Whether filters answer every such request in the application's place. What hits only some is mentioned."""
    target = Target("http", question.authority, question.path, matched_prefix(question.path, matches))
    found = filters.answer(target, _LAST)
    if found is not None:
        answer.step("filters", describe.answer(found), "a filter answers in the application's place")
        return True
    sometimes = filters.answer(target, 0.0)
    if sometimes is not None:
        answer.step("filters", f"some get {describe.answer(sometimes)}", "by a filter, at random")
    return False


def _endpoint(answer: _Answer, backend: Backend, identity: str | None) -> Endpoint | None:
    if not backend.endpoints:
        answer.step("endpoint", "none", "the backend has no ready endpoint")
        return None
    endpoint = backend.endpoints[0]
    if identity is None or endpoint.identity is None:
        reason = "in plain text: " + ("the client is not meshed" if identity is None else "the endpoint is not meshed")
    else:
        reason = f"in TLS to {endpoint.identity}"
    answer.step("endpoint", endpoint.addr, f"{reason} (pod {endpoint.labels.get('pod', 'unknown')})")
    return endpoint


def _inbound(
    view: View, answer: _Answer, question: Question, endpoint: Endpoint, identity: str | None, *, http: bool
) -> bool:
    host, _, digits = endpoint.addr.rpartition(":")
    port, ip = int(digits), host.removeprefix("[").removesuffix("]")
    pod = view.pod_at(ip)
    if pod is None or not meshed_on(view, pod, port):
        answer.step("server", "no proxy", "nothing stands before the endpoint's port")
        return True
    rules = InboundPolicy(render_inbound(view, f"{pod.namespace}/{pod.name}")).port(port)
    policy = rules.policy
    answer.step("server", policy.server.name, f"port {port}, {policy.protocol.value}", policy.server)
    tls = identity is not None and endpoint.identity is not None
    return _authorized(answer, question, rules, identity if tls else None, http=http)


def _authorized(answer: _Answer, question: Question, rules: PortRules, identity: str | None, *, http: bool) -> bool:
    policy = rules.policy
    address = question.client.ips[0] if question.client.ips else "0.0.0.0"  # noqa: S104 - an address to compare with
    authorizations = policy.authorizations
    rule = None
    if not http or policy.protocol in (Protocol.opaque, Protocol.tls):
        verdict = rules.authorize_tcp(address, identity, identity is not None)
    else:
        method, authority, path = question.method.encode(), question.authority.encode(), question.path.encode()
        rule = rules.route(method, authority, path, question.headers)
        if rule is None:
            candidates = [(r.resource, r.resource.name, r.hosts, r.matches) for r in policy.routes]
            answer.nearest_miss = nearest_route(candidates, request(method, authority, path, question.headers))
            answer.step("inbound route", "not found", "no route of the Server takes the request: 404")
            return False
        answer.step(
            "inbound route", rule.route.resource.name, describe.matches(rule.route.matches), rule.route.resource
        )
        authorizations = [*authorizations, *rule.route.authorizations]
        verdict = rule.authorize(address, identity, identity is not None)
    who = f"{identity or 'no identity'} at {address}"
    if not verdict.allowed:
        answer.step("authorization", "denied", f"{who}: no authorization allows it: 403", verdict.resource)
        missed = nearest_authorization(authorizations, address, identity, identity is not None)
        answer.nearest_miss = missed or f"{describe.resource(verdict.resource)} has no authorization at all"
        return False
    answer.step("authorization", "audited" if verdict.audit else "allowed", who, verdict.resource)
    limit = policy.rate_limit
    if limit is not None:
        answer.step("rate limit", describe.rate_limit(limit, identity), resource=limit.resource)
    if rule is None or rule.filters.empty:
        return True
    if rule.filters.delay_ms(0.0):
        answer.step("filters", "500", "a Server's routes cannot delay requests")
        return False
    return not _answered(answer, question, rule.filters, rule.route.matches)

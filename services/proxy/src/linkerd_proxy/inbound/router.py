"""From a request to the application: the rule of the port's policy that it falls under, and whether that lets it in."""

import logging

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.codec.headers import find
from linkerd_proxy.errors import FilterNotImplemented, ProxyError, RateLimited, RouteNotFound, Unauthorized
from linkerd_proxy.http import filtered
from linkerd_proxy.http.exchange import CLOSED, NOWHERE, Exchange, Told
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.http.told import tell
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.inbound.forward import Application
from linkerd_proxy.inbound.permit import Permit, facts, way
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_proxy.inbound.profile import ProfileRoute, find_route
from linkerd_proxy.telemetry import labels
from linkerd_rules.policy import InboundPolicy, InboundRule, PortRules
from linkerd_rules.policy.rate_limit import RateLimiter

log = logging.getLogger(__name__)

MAX_PERMITS = 256
"""Of one connection: with authority labels there is one for each name that its client uses."""


class Router:
    """The service of one HTTP connection."""

    __slots__ = (
        "_application",
        "_authorities",
        "_client",
        "_finely",
        "_holder",
        "_hooks",
        "_permits",
        "_policy",
        "_rules",
        "_runtime",
        "_send",
    )

    def __init__(
        self,
        runtime: Runtime,
        holder: PolicyHolder,
        client: Client,
        application: Application,
        *,
        authorities: bool = False,
    ) -> None:
        """`authorities`: whether metrics have a label of the request's authority (INBOUND_METRICS_AUTHORITY_LABELS)."""
        self._runtime = runtime
        self._holder = holder
        self._client = client
        self._application = application
        self._send = application.send
        self._policy: InboundPolicy = holder.current
        self._rules: PortRules = self._policy.port(client.dst.port)
        self._permits: dict[object, Permit] = {}
        """By rule; where requests are told apart more finely, by authority and route of a ServiceProfile too."""
        self._authorities = authorities
        self._finely = authorities or self._rules.has_profiles
        self._hooks = runtime.hooks

    def __call__(self, x: Exchange) -> None:
        if self._holder.current is not self._policy:
            self._policy = self._holder.current
            self._rules = self._policy.port(self._client.dst.port)
            self._permits.clear()
            self._finely = self._authorities or self._rules.has_profiles
        rules = self._rules
        head = x.head
        rule = rules.only or rules.route(head.method, head.authority, head.path, head.fields)
        if rule is None:
            self._not_found(x)
            return
        permit = (None if self._finely else self._permits.get(id(rule))) or self._permit(rule, head)
        permit.begin(x)
        x.observer = permit
        if self._hooks.inbound:
            for hook in self._hooks.inbound:
                hook(x, permit.facts)
        if not permit.allowed:
            log.info("denied %s %s", self._client.addr, permit.message)
            x.fail(Unauthorized(permit.message))
            return
        if permit.audit:
            log.info("audit: would deny %s %s", self._client.addr, permit.message)
        if not rule.filters.empty and self._answered(rule, x):
            return
        if rules.rate_limiter is not None and not self._within(rules.rate_limiter, x):
            return
        if permit.profile is not None:
            permit.profile.follow(x)
        self._send(x, permit.fields(x.head))

    def _permit(self, rule: InboundRule, head: RequestHead) -> Permit:
        authority = labels.hostname(head.authority) if self._authorities else ""
        found = find_route(self._rules, head) if self._rules.has_profiles else None
        key = (id(rule), authority, None if found is None else id(found.route)) if self._finely else id(rule)
        permit = self._permits.get(key)
        if permit is None:
            if len(self._permits) >= MAX_PERMITS:
                self._permits.clear()
            profile = None if found is None else ProfileRoute(self._runtime, found)
            permit = self._permits[key] = Permit(self._runtime, self._client, self._rules, rule, authority, profile)
        return permit

    def _answered(self, rule: InboundRule, x: Exchange) -> bool:
        """Whether a filter answered a request in the application's place."""
        if rule.filters.delay_ms(0.0):
            x.fail(FilterNotImplemented("invalid policy: delays are not implemented for inbound routes"))
            return True
        answer = filtered.find(rule.filters, x, rule.route.matches, self._runtime.rng())
        if answer is None:
            return False
        head = filtered.tell(self._runtime.decisions, "inbound", x, answer, x.observer.explain(x))
        x.status = head[0][1]
        x.grpc_status = find(head, b"grpc-status")
        x.observer.response_end(x, None)
        x.flags |= CLOSED
        x.up = NOWHERE
        x.down.respond(x, head, True)
        return True

    def _within(self, limiter: RateLimiter, x: Exchange) -> bool:
        """Whether a request is within the port's rate limit; answers it where it is not."""
        refusal = limiter.take(self._client.identity, self._runtime.turn.now)
        if refusal is None:
            return True
        resource = refusal.resource
        self._runtime.metrics.authz.http_local_ratelimit.labels(
            resource.group, resource.kind, resource.name, refusal.scope, base=self._labels()
        ).value += 1
        x.fail(RateLimited(refusal.message))
        return False

    def _not_found(self, x: Exchange) -> None:
        self._runtime.metrics.authz.http_route_not_found.labels(base=self._labels()).value += 1
        x.observer = Told(way(self._client, self._rules.policy, None))
        for hook in self._hooks.inbound:
            hook(x, facts(self._client, ResourceRef()))
        x.fail(RouteNotFound())

    def _labels(self) -> str:
        """Of the client's connection and the port's Server."""
        server = self._client.server_labels(self._rules.policy.server)
        return labels.render([*self._client.labels, *server])

    def failed(self, x: Exchange, error: ProxyError) -> str:
        """A request was denied, or failed on its way to the application: what l5d-proxy-error says."""
        self._runtime.metrics.inbound_errors.http.labels(error.label).value += 1
        return tell(self._runtime.decisions, "inbound", x, error)

"""PURE: edges that were seen, decided under another index: the policies as they would be.

Decided by the documents and the code that proxies decide with. What metrics do not tell is taken at its worst: requests
whose route is gone are tried on every route of the port, clients at every address of their account's pods; a client
whose address nobody knows is taken to be in the cluster's networks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_network

from linkerd_contract.names import identity_name
from linkerd_contract.outbound import Protocol
from linkerd_contract.replay import Change, Decision, Edge, Undecided
from linkerd_contract.resource import ResourceRef
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import Index, View
from linkerd_destination.translate import describe
from linkerd_destination.translate.endpoints import meshed_on
from linkerd_destination.translate.inbound import render_inbound
from linkerd_rules.policy import InboundPolicy, InboundRule, PortRules
from linkerd_rules.policy.misses import nearest_authorization

_PROBE = "probe"


@dataclass(slots=True)
class _Side:
    """One index, and the policies of pods as it has them."""

    view: View
    policies: dict[str, InboundPolicy] = field(default_factory=dict)

    def rules(self, pod: Pod, port: int) -> PortRules:
        name = f"{pod.namespace}/{pod.name}"
        policy = self.policies.get(name)
        if policy is None:
            policy = self.policies[name] = InboundPolicy(render_inbound(self.view, name))
        return policy.port(port)


class Replayer:
    """Decides edges under two indices that have the same pods."""

    def __init__(self, before: Index, after: Index) -> None:
        self._before, self._after = _Side(before.view()), _Side(after.view())
        self._servers: dict[tuple[str, ...], list[Pod]] = {}
        self._addresses: dict[str, list[str]] = {}
        for pod in before.tables.pods.objects.values():
            if not pod.ended:
                self._note(pod)
        # One of the cluster's own, for clients of which nothing is known.
        networks = before.config.cluster_networks
        self._somewhere = str(next(iter(ip_network(networks[0]).hosts()))) if networks else "10.0.0.1"

    def _note(self, pod: Pod) -> None:
        self._servers.setdefault((pod.namespace, "pod", pod.name), []).append(pod)
        if pod.owner is not None:
            self._servers.setdefault((pod.namespace, *pod.owner), []).append(pod)
        config = self._before.view.config
        identity = identity_name(
            pod.service_account, pod.namespace, config.control_plane_namespace, config.trust_domain
        )
        self._addresses.setdefault(identity, []).extend(pod.ips)

    def replay(self, edge: Edge) -> Change | Undecided:
        """Both decisions. Of the pods of a workload, the worst counts."""
        # Linkerd's label for a Job: "job" is Prometheus' own.
        key = tuple("k8s_job" if n == 1 and part == "job" else part for n, part in enumerate(edge.server.split("/")))
        pods = self._servers.get(key, [])
        if not pods:
            namespace, _, name = edge.server.partition("/")
            return Undecided(edge=edge, reason=f"no pod of {name.replace('/', ' ')} in namespace {namespace}")
        meshed = [pod for pod in pods if meshed_on(self._before.view, pod, edge.port)]
        if not meshed:
            return Undecided(edge=edge, reason=f"no proxy stands before port {edge.port} of {edge.server}")
        # Pods of one template are alike to policies.
        alike = {(p.labels, p.ports, p.default_inbound_policy, p.require_identity_ports): p for p in meshed}
        before, after = (
            min((self._decide(side, pod, edge) for pod in alike.values()), key=lambda one: one.allowed)
            for side in (self._before, self._after)
        )
        return Change(edge=edge, before=before, after=after)

    def _decide(self, side: _Side, pod: Pod, edge: Edge) -> Decision:
        rules = side.rules(pod, edge.port)
        decisions = list(self._decisions(rules, edge))
        return min(decisions, key=lambda one: one.allowed)

    def _decisions(self, rules: PortRules, edge: Edge) -> Iterator[Decision]:
        policy = rules.policy
        identity = edge.client or None
        known = self._addresses.get(edge.client, [])
        if not edge.http or policy.protocol in (Protocol.opaque, Protocol.tls):
            for address in self._relevant(rules, None, known):
                verdict = rules.authorize_tcp(address, identity, edge.tls)
                yield self._said(rules, None, edge, verdict.allowed, verdict.resource, address)
            return
        for rule in _candidates(rules, edge.route):
            for address in self._relevant(rules, rule, known):
                verdict = rule.authorize(address, identity, edge.tls)
                yield self._said(rules, rule, edge, verdict.allowed, verdict.resource, address)

    def _relevant(self, rules: PortRules, rule: InboundRule | None, known: list[str]) -> list[str]:
        """All addresses of a client where networks matter, else one."""
        if not known:
            return [self._somewhere]
        authorizations = [*rules.policy.authorizations, *(rule.route.authorizations if rule is not None else ())]
        return known if any(one.networks for one in authorizations) else known[:1]

    def _said(
        self, rules: PortRules, rule: InboundRule | None, edge: Edge, allowed: bool, by: ResourceRef, address: str
    ) -> Decision:
        if allowed:
            return Decision(allowed=True, by=by)
        own = rule.route.authorizations if rule is not None else []
        missed = nearest_authorization([*rules.policy.authorizations, *own], address, edge.client or None, edge.tls)
        reason = missed or f"{describe.resource(by)} has no authorization at all"
        on = rule.route.resource if rule is not None and rules.only is None else None
        where = f"{describe.resource(on)}: " if on is not None and on.kind != "default" else ""
        return Decision(allowed=False, by=by, reason=f"{where}{reason}")


def _candidates(rules: PortRules, route: ResourceRef) -> list[InboundRule]:
    """The rules under which such requests fall: those of their route; of every route where that is not there."""
    key = (route.group, route.kind, route.name)
    found = [rule for rule in rules.rules if _key(rule.route.resource) == key]
    return found or [rule for rule in rules.rules if _key(rule.route.resource) != ("", "default", _PROBE)]


def _key(ref: ResourceRef) -> tuple[str, str, str]:
    return (ref.group, ref.kind, ref.name)

"""PURE: the inbound document of one workload: who may do what with each of its ports."""

from msgspec.structs import replace

from linkerd_contract.inbound import Authorization, InboundDocument, InboundRoute, PortPolicy
from linkerd_contract.matching import Condition, StringMatch
from linkerd_contract.outbound import Protocol
from linkerd_contract.resource import ResourceRef
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.config import INBOUND_POLICIES, ClusterConfig
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import View
from linkerd_destination.translate.endpoints import pod_opaque_ports
from linkerd_destination.translate.filters import resolve_filters
from linkerd_destination.translate.inbound_profiles import inbound_profiles
from linkerd_destination.translate.ports import first_valid
from linkerd_destination.translate.servers import (
    policy_authorizations,
    rate_limit_of,
    server_authorizations,
    server_ref,
    servers_of,
)
from linkerd_destination.translate.targets import NoAnswer
from linkerd_rules.policy.defaults import default_authorizations
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.server import Server

# A document lists ports one by one. A longer range of opaque ports counts only for the ports that the pod declares.
_LONGEST_RANGE = 1024
NOT_HTTP = (Protocol.opaque, Protocol.tls)
_AUTHENTICATED = {
    "all-unauthenticated": "all-authenticated",
    "audit": "all-authenticated",
    "cluster-unauthenticated": "cluster-authenticated",
}


def workload_pod(view: View, workload: str) -> Pod:
    """The pod "namespace/name". Raises NoAnswer."""
    namespace, slash, name = workload.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise NoAnswer(WatchCode.invalid_target, f"{workload!r} is not namespace/pod", retryable=False)
    pod = view.pod(namespace, name)
    if pod is None:
        raise NoAnswer(WatchCode.not_found, f"there is no pod {name} in namespace {namespace}", retryable=True)
    return pod


def render_inbound(view: View, workload: str) -> InboundDocument:
    """Raises NoAnswer."""
    pod = workload_pod(view, workload)
    policy = _policy_name(view, pod)
    opaque = pod_opaque_ports(view, pod)
    authenticated = first_valid(pod.named_ports, pod.require_identity_ports)
    paths = _probe_paths(pod)
    servers = servers_of(view, pod)
    profiles = inbound_profiles(view, pod)
    ports = {port for _, port in pod.ports} | paths.keys() | profiles.keys()
    ports.update(opaque.numbers(_LONGEST_RANGE), authenticated.numbers(_LONGEST_RANGE))
    config = view.config
    found = {
        port: _port(
            config,
            _AUTHENTICATED.get(policy, policy) if port in authenticated else policy,
            opaque=port in opaque,
            probes=paths.get(port, []),
        )
        for port in ports - servers.keys()
    }
    found.update({port: _served(view, server, port, paths.get(port, [])) for port, server in servers.items()})
    for port, of_port in profiles.items():
        if found[port].protocol not in NOT_HTTP:
            found[port] = replace(found[port], profiles=of_port)
    return InboundDocument(
        workload=workload,
        ports={str(port): found[port] for port in sorted(found)},
        default=_port(config, policy, opaque=False, probes=[]),
    )


def _probe_paths(pod: Pod) -> dict[int, list[str]]:
    paths: dict[int, list[str]] = {}
    for probe in pod.probes:
        paths.setdefault(probe.port, [])
        if probe.path not in paths[probe.port]:
            paths[probe.port].append(probe.path)
    return paths


def _served(view: View, server: Server, port: int, probes: list[str]) -> PortPolicy:
    """A port that has a Server: the default policy no longer counts on it."""
    http = server.protocol not in NOT_HTTP
    routes = inbound_routes(view, server, port) if http else []
    if http and not routes and probes:
        routes = _probe_routes(probes)
    return PortPolicy(
        protocol=server.protocol,
        server=server_ref(server),
        authorizations=server_authorizations(view, server),
        routes=routes,
        rate_limit=rate_limit_of(view, server) if http else None,
    )


def inbound_routes(view: View, server: Server, port: int) -> list[InboundRoute]:
    """Rules of the HTTPRoutes and GRPCRoutes of a Server, the oldest first. With any of them, others are 404."""
    namespace, name = server.meta.namespace, server.meta.name
    bound = [*view.grpc_routes("Server", namespace, name), *view.http_routes("Server", namespace, name)]
    found: list[InboundRoute] = []
    for route in bound:
        own = [p for p in route.parents if (p.ref.kind, p.ref.namespace, p.ref.name) == ("Server", namespace, name)]
        # A route of another namespace has no say here (validation refuses it).
        if route.meta.namespace != namespace or not any(p.port in (0, port) for p in own):
            continue
        target = Ref(group=route.group, kind=route.kind, namespace=namespace, name=route.meta.name)
        resource = ResourceRef(group=route.group, kind=route.kind, namespace=namespace, name=route.meta.name)
        authorizations = policy_authorizations(view, target)
        found += [
            InboundRoute(
                resource=resource,
                hosts=list(route.hosts),
                matches=list(rule.matches),
                filters=resolve_filters(view, namespace, rule.filters),
                authorizations=authorizations,
            )
            for rule in route.rules
        ]
    return found


def _policy_name(view: View, pod: Pod) -> str:
    """The pod's annotation, else the namespace's, else the installation's; a word that is no policy is passed over."""
    namespace = view.namespace(pod.namespace)
    for policy in (pod.default_inbound_policy, namespace.default_inbound_policy if namespace else None):
        if policy in INBOUND_POLICIES:
            return policy
    return view.config.default_inbound_policy


def _port(config: ClusterConfig, policy: str, *, opaque: bool, probes: list[str]) -> PortPolicy:
    return PortPolicy(
        protocol=Protocol.opaque if opaque else Protocol.detect,
        server=ResourceRef(name=policy),
        authorizations=default_authorizations(policy, config.cluster_networks),
        routes=_probe_routes(probes) if probes and not opaque else [],
    )


def _probe_routes(paths: list[str]) -> list[InboundRoute]:
    """The kubelet has no identity: GET on exactly the probes' paths is open to all, whatever the policy."""
    probe = ResourceRef(name="probe")
    return [
        InboundRoute(
            resource=probe,
            matches=[Condition(method="GET", path=StringMatch(value=path)) for path in paths],
            authorizations=[Authorization(resource=probe)],
        ),
        InboundRoute(resource=ResourceRef(name="default")),
    ]

"""PURE: the inbound document of one workload: who may do what with each of its ports."""

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, InboundRoute, Network, PortPolicy
from linkerd_contract.matching import Condition, StringMatch
from linkerd_contract.outbound import Protocol
from linkerd_contract.resource import ResourceRef
from linkerd_contract.watch import WatchCode
from linkerd_destination.index.config import INBOUND_POLICIES, ClusterConfig
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import View
from linkerd_destination.translate.endpoints import pod_opaque_ports
from linkerd_destination.translate.ports import first_valid
from linkerd_destination.translate.targets import NoAnswer

# A document lists ports one by one. A longer range of opaque ports counts only for the ports that the pod declares.
_LONGEST_RANGE = 1024
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
    paths: dict[int, list[str]] = {}
    for probe in pod.probes:
        paths.setdefault(probe.port, [])
        if probe.path not in paths[probe.port]:
            paths[probe.port].append(probe.path)
    ports = {port for _, port in pod.ports} | paths.keys()
    ports.update(opaque.numbers(_LONGEST_RANGE), authenticated.numbers(_LONGEST_RANGE))
    config = view.config
    return InboundDocument(
        workload=workload,
        ports={
            str(port): _port(
                config,
                _AUTHENTICATED.get(policy, policy) if port in authenticated else policy,
                opaque=port in opaque,
                probes=paths.get(port, []),
            )
            for port in sorted(ports)
        },
        default=_port(config, policy, opaque=False, probes=[]),
    )


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
        authorizations=_authorizations(config, policy),
        routes=_probe_routes(probes) if probes and not opaque else [],
    )


def _authorizations(config: ClusterConfig, policy: str) -> list[Authorization]:
    if policy == "deny":
        return []
    networks = [Network(cidr=cidr) for cidr in config.cluster_networks] if policy.startswith("cluster-") else []
    authenticated = policy.endswith("-authenticated")
    return [
        Authorization(
            resource=ResourceRef(name=policy),
            networks=networks,
            authn=AuthnKind.tls_authenticated if authenticated else AuthnKind.unauthenticated,
            identities=["*"] if authenticated else [],
            audit=policy == "audit",
        )
    ]


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

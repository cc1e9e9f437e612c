"""What holds for the whole cluster: names from the environment, policy from the ConfigMap linkerd-config."""

from dataclasses import dataclass

from linkerd_contract import names
from linkerd_rules.policy.defaults import DEFAULT_POLICIES

INBOUND_POLICIES = DEFAULT_POLICIES
CLUSTER_NETWORKS = ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """Values of the installation, with Linkerd's defaults."""

    control_plane_namespace: str = names.LINKERD_NAMESPACE
    cluster_domain: str = names.CLUSTER_DOMAIN
    trust_domain: str = names.CLUSTER_DOMAIN
    default_inbound_policy: str = "all-unauthenticated"
    """One of INBOUND_POLICIES."""
    cluster_networks: tuple[str, ...] = CLUSTER_NETWORKS
    opaque_ports: str = names.DEFAULT_OPAQUE_PORTS

"""The inbound documents of Linkerd's default policies, used until discovery has said more.

all-* are for clients at any address, cluster-* for those in the cluster's networks; audit allows everyone and logs.
"""

from collections.abc import Sequence

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, Network, PortPolicy
from linkerd_contract.resource import ResourceRef

DEFAULT_POLICIES = (
    "all-unauthenticated",
    "all-authenticated",
    "cluster-unauthenticated",
    "cluster-authenticated",
    "deny",
    "audit",
)


def default_authorizations(policy: str, cluster_networks: Sequence[str]) -> list[Authorization]:
    """Authorizations of a default policy. Raises ValueError for a name that is none."""
    if policy not in DEFAULT_POLICIES:
        raise ValueError(f"{policy!r} is not one of {', '.join(DEFAULT_POLICIES)}")
    if policy == "deny":
        return []
    authenticated = policy.endswith("-authenticated")
    return [
        Authorization(
            resource=ResourceRef(name=policy),
            networks=[Network(cidr) for cidr in cluster_networks] if policy.startswith("cluster-") else [],
            authn=AuthnKind.tls_authenticated if authenticated else AuthnKind.unauthenticated,
            identities=["*"] if authenticated else [],
            audit=policy == "audit",
        )
    ]


def default_document(
    policy: str, cluster_networks: Sequence[str] = (), detect_timeout_ms: int = 10_000
) -> InboundDocument:
    """The document of a workload of which nothing else is known. Raises ValueError."""
    return InboundDocument(
        default=PortPolicy(
            detect_timeout_ms=detect_timeout_ms,
            server=ResourceRef(name=policy),
            authorizations=default_authorizations(policy, cluster_networks),
        )
    )

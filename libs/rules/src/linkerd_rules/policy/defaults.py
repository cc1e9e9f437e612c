"""The inbound documents of Linkerd's default policies, used until discovery has said more.

all-* are for clients at any address, cluster-* for those in the cluster's networks; audit allows everyone and logs.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, Network, PortPolicy
from linkerd_contract.outbound import Protocol
from linkerd_contract.resource import ResourceRef

Ports = Sequence[tuple[int, int]]
"""Ranges, both ends included."""

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
    policy: str,
    cluster_networks: Sequence[str] = (),
    detect_timeout_ms: int = 10_000,
    opaque_ports: Ports = (),
    identity_ports: Ports = (),
) -> InboundDocument:
    """The document of a workload of which nothing else is known. Raises ValueError.

    `opaque_ports` are not looked into; `identity_ports` take clients with an identity only, whatever the policy says.
    """
    default = PortPolicy(
        detect_timeout_ms=detect_timeout_ms,
        server=ResourceRef(name=policy),
        authorizations=default_authorizations(policy, cluster_networks),
    )
    opaque, identified = _numbers(opaque_ports), _numbers(identity_ports)
    with_identity = [
        replace(one, authn=AuthnKind.tls_authenticated, identities=["*"], audit=False) for one in default.authorizations
    ]
    kinds = {
        (is_opaque, needs_identity): replace(
            default,
            protocol=Protocol.opaque if is_opaque else default.protocol,
            authorizations=with_identity if needs_identity else default.authorizations,
        )
        for is_opaque in (False, True)
        for needs_identity in (False, True)
    }
    ports = {str(port): kinds[port in opaque, port in identified] for port in sorted(opaque | identified)}
    return InboundDocument(ports=ports, default=default)


def _numbers(ranges: Ports) -> set[int]:
    return {port for first, last in ranges for port in range(first, last + 1)}

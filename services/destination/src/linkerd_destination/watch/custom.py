"""From the JSON of custom resources to the index's objects, by the readers that admission uses too.

A ValueError means that the object cannot be used; what admission alone minds (an unknown field) is passed over. Objects
of kinds that have a status are read all the same, marked as unusable, so that the status can say why.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec

from linkerd_destination.index.objects import Object
from linkerd_kube import Resource, resources
from linkerd_rules.validation.authorization import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    NetworkAuthentication,
    ServerAuthorization,
    read_authorization_policy,
    read_mesh_tls_authentication,
    read_network_authentication,
    read_server_authorization,
)
from linkerd_rules.validation.filters import FaultInjection, read_fault_injection
from linkerd_rules.validation.grant import ReferenceGrant, read_reference_grant
from linkerd_rules.validation.meta import Reading, kept
from linkerd_rules.validation.meta import Resource as Kept
from linkerd_rules.validation.profile import Profile, read_service_profile
from linkerd_rules.validation.rate_limit import RateLimitPolicy, read_rate_limit_policy
from linkerd_rules.validation.route import (
    GatewayHttpRoute,
    GrpcRoute,
    LinkerdHttpRoute,
    read_gateway_http_route,
    read_grpc_route,
    read_linkerd_http_route,
)
from linkerd_rules.validation.server import Server, read_server
from linkerd_rules.validation.split import Split, read_traffic_split

T = TypeVar("T", bound=Object)
K = TypeVar("K", bound=Kept)


@dataclass(frozen=True, slots=True)
class Custom:
    """One kind. `alternatives` are versions to read it at where the cluster does not serve the first."""

    resource: Resource
    type: type[Any]
    decode: Callable[[bytes], Object]
    alternatives: tuple[Resource, ...] = ()

    @property
    def name(self) -> str:
        """Of its cache, for /ready."""
        return str(self.resource)


def _kind(resource: Resource, kind: type[T], read: Callable[[object], Reading[T]], *alternatives: Resource) -> Custom:
    def decode(raw: bytes) -> T:
        return read(msgspec.json.decode(raw)).usable()

    return Custom(resource, kind, decode, alternatives)


def _with_status(
    resource: Resource, kind: type[K], read: Callable[[object], Reading[K]], *alternatives: Resource
) -> Custom:
    """A kind whose status says whether an object is in force: one that cannot be used is kept for that, disabled."""

    def decode(raw: bytes) -> K:
        return kept(read(msgspec.json.decode(raw)))

    return Custom(resource, kind, decode, alternatives)


def _at(resource: Resource, version: str) -> Resource:
    return replace(resource, version=version)


KINDS: tuple[Custom, ...] = (
    _kind(resources.SERVICE_PROFILES, Profile, read_service_profile),
    _kind(resources.TRAFFIC_SPLITS, Split, read_traffic_split, resources.TRAFFIC_SPLITS_V1ALPHA1),
    _kind(resources.SERVERS, Server, read_server, _at(resources.SERVERS, "v1beta2"), _at(resources.SERVERS, "v1beta1")),
    _kind(resources.SERVER_AUTHORIZATIONS, ServerAuthorization, read_server_authorization),
    _kind(resources.AUTHORIZATION_POLICIES, AuthorizationPolicy, read_authorization_policy),
    _kind(resources.MESH_TLS_AUTHENTICATIONS, MeshTLSAuthentication, read_mesh_tls_authentication),
    _kind(resources.NETWORK_AUTHENTICATIONS, NetworkAuthentication, read_network_authentication),
    _with_status(resources.RATE_LIMIT_POLICIES, RateLimitPolicy, read_rate_limit_policy),
    _with_status(
        resources.LINKERD_HTTP_ROUTES,
        LinkerdHttpRoute,
        read_linkerd_http_route,
        _at(resources.LINKERD_HTTP_ROUTES, "v1beta2"),
        _at(resources.LINKERD_HTTP_ROUTES, "v1beta1"),
    ),
    _with_status(
        resources.HTTP_ROUTES, GatewayHttpRoute, read_gateway_http_route, _at(resources.HTTP_ROUTES, "v1beta1")
    ),
    _with_status(resources.GRPC_ROUTES, GrpcRoute, read_grpc_route, _at(resources.GRPC_ROUTES, "v1alpha2")),
    _kind(resources.REFERENCE_GRANTS, ReferenceGrant, read_reference_grant, _at(resources.REFERENCE_GRANTS, "v1")),
    _kind(resources.FAULT_INJECTIONS, FaultInjection, read_fault_injection),
)
"""Every custom kind that discovery follows."""


def versions_of(group: str, kind: str) -> tuple[Resource, ...]:
    """The versions at which a kind may be served, the preferred one first."""
    found = next(k for k in KINDS if (k.resource.group, k.resource.kind) == (group, kind))
    return (found.resource, *found.alternatives)

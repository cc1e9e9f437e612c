"""`validate`: one document of any kind that the mesh reads, for admission and for the command line.

A document of another kind has no problems. Of a Service only the annotations are looked at.
"""

from collections.abc import Callable

from linkerd_rules.validation.annotations import PREFIXES, read_traffic_annotations
from linkerd_rules.validation.authorization import (
    read_authorization_policy,
    read_mesh_tls_authentication,
    read_network_authentication,
    read_server_authorization,
)
from linkerd_rules.validation.fields import Fields, Problem
from linkerd_rules.validation.filters import read_fault_injection
from linkerd_rules.validation.grant import read_reference_grant
from linkerd_rules.validation.profile import read_service_profile
from linkerd_rules.validation.rate_limit import read_rate_limit_policy
from linkerd_rules.validation.references import GATEWAY_GROUP, POLICY_GROUP
from linkerd_rules.validation.route import read_gateway_http_route, read_grpc_route, read_linkerd_http_route
from linkerd_rules.validation.server import read_server
from linkerd_rules.validation.split import read_traffic_split


def _service_problems(obj: object) -> list[Problem]:
    root = Fields(obj, "", [])
    metadata = Fields(root.raw("metadata") or {}, "metadata", [])
    annotations = Fields(metadata.raw("annotations") or {}, "metadata.annotations", [])
    return read_traffic_annotations(
        {name: annotations.text(name) for name in annotations.names() if name.startswith(PREFIXES)}
    )[1]


_READERS: dict[tuple[str, str], Callable[[object], list[Problem]]] = {
    ("", "Service"): _service_problems,
    ("linkerd.io", "ServiceProfile"): lambda obj: read_service_profile(obj).problems,
    ("split.smi-spec.io", "TrafficSplit"): lambda obj: read_traffic_split(obj).problems,
    (POLICY_GROUP, "Server"): lambda obj: read_server(obj).problems,
    (POLICY_GROUP, "ServerAuthorization"): lambda obj: read_server_authorization(obj).problems,
    (POLICY_GROUP, "AuthorizationPolicy"): lambda obj: read_authorization_policy(obj).problems,
    (POLICY_GROUP, "MeshTLSAuthentication"): lambda obj: read_mesh_tls_authentication(obj).problems,
    (POLICY_GROUP, "NetworkAuthentication"): lambda obj: read_network_authentication(obj).problems,
    (POLICY_GROUP, "HTTPLocalRateLimitPolicy"): lambda obj: read_rate_limit_policy(obj).problems,
    (POLICY_GROUP, "HTTPRoute"): lambda obj: read_linkerd_http_route(obj).problems,
    (POLICY_GROUP, "FaultInjection"): lambda obj: read_fault_injection(obj).problems,
    (GATEWAY_GROUP, "HTTPRoute"): lambda obj: read_gateway_http_route(obj).problems,
    (GATEWAY_GROUP, "GRPCRoute"): lambda obj: read_grpc_route(obj).problems,
    (GATEWAY_GROUP, "ReferenceGrant"): lambda obj: read_reference_grant(obj).problems,
}

KINDS = frozenset(_READERS)
"""(group, kind) of everything that is looked at."""


def validate(obj: object) -> list[Problem]:
    """Everything that is wrong with a document, by its apiVersion and kind; each says the field and the fix."""
    root = Fields(obj, "", [])
    group, slash, _ = root.text("apiVersion").rpartition("/")
    read = _READERS.get((group if slash else "", root.text("kind")))
    return [] if read is None else read(obj)

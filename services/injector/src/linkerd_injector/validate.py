"""PURE: which reader checks which kind, and what an admission answer says of the faults that it finds.

Discovery reads with the same code, so what is let through here is what proxies are told. An object that is being
deleted is never refused: whoever removes its finalizers must get through.
"""

from collections.abc import Callable
from typing import TypeVar

from linkerd_injector.review import Answer, Review
from linkerd_rules.validation.authorization import (
    read_authorization_policy,
    read_mesh_tls_authentication,
    read_network_authentication,
    read_server_authorization,
)
from linkerd_rules.validation.fields import Problem
from linkerd_rules.validation.filters import read_fault_injection
from linkerd_rules.validation.meta import Reading
from linkerd_rules.validation.profile import read_service_profile
from linkerd_rules.validation.rate_limit import read_rate_limit_policy
from linkerd_rules.validation.route import read_gateway_http_route, read_grpc_route, read_linkerd_http_route
from linkerd_rules.validation.server import read_server
from linkerd_rules.validation.split import read_traffic_split

T = TypeVar("T")
_SHOWN = 20


def _problems(read: Callable[[object], Reading[T]]) -> Callable[[object], list[Problem]]:
    return lambda obj: read(obj).problems


READERS: dict[str, Callable[[object], list[Problem]]] = {
    "linkerd.io/ServiceProfile": _problems(read_service_profile),
    "split.smi-spec.io/TrafficSplit": _problems(read_traffic_split),
    "policy.linkerd.io/Server": _problems(read_server),
    "policy.linkerd.io/ServerAuthorization": _problems(read_server_authorization),
    "policy.linkerd.io/AuthorizationPolicy": _problems(read_authorization_policy),
    "policy.linkerd.io/MeshTLSAuthentication": _problems(read_mesh_tls_authentication),
    "policy.linkerd.io/NetworkAuthentication": _problems(read_network_authentication),
    "policy.linkerd.io/HTTPLocalRateLimitPolicy": _problems(read_rate_limit_policy),
    "policy.linkerd.io/FaultInjection": _problems(read_fault_injection),
    "policy.linkerd.io/HTTPRoute": _problems(read_linkerd_http_route),
    "gateway.networking.k8s.io/HTTPRoute": _problems(read_gateway_http_route),
    "gateway.networking.k8s.io/GRPCRoute": _problems(read_grpc_route),
}
"""By "group/Kind", whatever the version."""


def validate(review: Review) -> Answer:
    """Refused with every fault, its field first; kinds that nobody here reads are allowed."""
    reader = READERS.get(review.kind)
    metadata = review.object.get("metadata")
    leaving = isinstance(metadata, dict) and metadata.get("deletionTimestamp") is not None
    if reader is None or review.operation not in ("CREATE", "UPDATE") or leaving:
        return Answer()
    problems = [str(problem) for problem in reader(review.object)]
    if not problems:
        return Answer()
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    return Answer(allowed=False, message="; ".join([*problems[:_SHOWN], *more]))

"""Viz: the metrics API, `GET /api/v1/NAME` for each of the paths below, and `POST /api/v1/tap`.

The CLI and the dashboard are its clients. What is not measured is null, never zero. Parameters that several take: kind,
namespace (absent: all), name, window ("1m", history "10m"), selector (labels, as kubectl's -l); stat and routes also
to_kind, to_name, to_namespace, from_kind, from_name, from_namespace; stat unmeshed ("true": also without a meshed pod).
Refusals are problem+json: 400 bad_query; 503 unavailable where the Prometheus that was named does not answer.
"""

import re

from linkerd_contract.codec import Document

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")

STAT_PATH = "/api/v1/stat"
STAT_INBOUND_PATH = "/api/v1/stat-inbound"
STAT_OUTBOUND_PATH = "/api/v1/stat-outbound"
EDGES_PATH = "/api/v1/edges"
GRAPH_PATH = "/api/v1/graph"
ROUTES_PATH = "/api/v1/routes"
AUTHZ_PATH = "/api/v1/authz"
PODS_PATH = "/api/v1/pods"
HISTORY_PATH = "/api/v1/history"
CERTIFICATES_PATH = "/api/v1/certificates"
TAP_PATH = "/api/v1/tap"
"""The body is a TapQuery; the answer newline-delimited JSON, one TapEvent a line, blank lines while nothing happens."""
TAP_GROUP = "tap.linkerd.io"
TAP_VERSION = "v1alpha1"
"""Of the aggregated API that answers taps."""
TAP_KINDS = {
    "pod": "pods",
    "deployment": "deployments",
    "replicaset": "replicasets",
    "statefulset": "statefulsets",
    "daemonset": "daemonsets",
    "job": "jobs",
    "cronjob": "cronjobs",
    "replicationcontroller": "replicationcontrollers",
    "service": "services",
    "namespace": "namespaces",
}
"""What can be tapped, and its plural."""


class Dependency(Document, frozen=True):
    """A workload that another one calls."""

    kind: str
    namespace: str
    name: str


class StatRow(Document, frozen=True, omit_defaults=False):
    """One resource over the window. Latencies in milliseconds, success 0-1, rates per second.

    `denied_rps`: what policy refused, of Servers and HTTPRoutes.
    """

    namespace: str
    kind: str
    name: str
    status: str = ""
    meshed: int = 0
    total: int = 0
    success: float | None = None
    rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    tcp_open_connections: int | None = None
    tcp_read_bytes_rate: float | None = None
    tcp_write_bytes_rate: float | None = None
    dependencies: list[Dependency] = []
    apex: str | None = None
    leaf: str | None = None
    weight: str | None = None
    denied_rps: float | None = None


class StatResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, kind, name; `unscraped` names pods whose metrics could not be read."""

    rows: list[StatRow] = []
    window_seconds: int = 60
    unscraped: list[str] = []


class StatInboundRow(Document, frozen=True, omit_defaults=False):
    """What a resource was asked at a port, by route. Server and route are "[default]" where no resource stands for it.

    `route_kind` is empty for a default route.
    """

    namespace: str
    name: str
    server: str
    port: str = ""
    route: str = ""
    route_kind: str = ""
    success: float | None = None
    rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None


class StatInboundResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, name, server, port, route."""

    rows: list[StatInboundRow] = []
    unscraped: list[str] = []


class StatOutboundRow(Document, frozen=True, omit_defaults=False):
    """What a resource sent by a route of a service, as callers saw it; with a `backend`, the attempts that went there.

    `timeouts`: the share of requests (attempts) that timed out; `retries`: of all that was sent, what was sent again
    (null for a backend). Route names as in StatInboundRow.
    """

    namespace: str
    name: str
    service: str
    service_namespace: str = ""
    port: str = ""
    route: str = ""
    route_kind: str = ""
    backend: str = ""
    backend_namespace: str = ""
    backend_port: str = ""
    success: float | None = None
    rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    timeouts: float | None = None
    retries: float | None = None


class StatOutboundResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, name, service, port, route; each route's backends follow it."""

    rows: list[StatOutboundRow] = []
    unscraped: list[str] = []


class EdgeRow(Document, frozen=True, omit_defaults=False):
    """One edge between two workloads of a kind. Identities are "SA.NS" (Linkerd)."""

    src: str
    src_namespace: str
    dst: str
    dst_namespace: str
    client_id: str = ""
    server_id: str = ""
    no_tls_reason: str = ""


class EdgesResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by source, then destination."""

    rows: list[EdgeRow] = []
    unscraped: list[str] = []


class GraphRow(Document, frozen=True, omit_defaults=False):
    """One workload calls another one, as its proxies have seen it. One call without TLS is enough for a reason."""

    src_kind: str
    src_namespace: str
    src: str
    dst_kind: str
    dst_namespace: str
    dst: str
    client_id: str = ""
    server_id: str = ""
    no_tls_reason: str = ""
    success: float | None = None
    rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None


class GraphResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by source, then destination; parameters namespace and window."""

    rows: list[GraphRow] = []
    unscraped: list[str] = []


class RouteRow(Document, frozen=True, omit_defaults=False):
    """One route; effective counts requests, actual counts attempts (outbound only)."""

    route: str
    service: str
    success: float | None = None
    rps: float | None = None
    actual_success: float | None = None
    actual_rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None


class RoutesResponse(Document, frozen=True, omit_defaults=False):
    """Rows in the profile's order, `[DEFAULT]` last. `unscraped`: callers whose requests are missing from them."""

    rows: list[RouteRow] = []
    unscraped: list[str] = []


class AuthzRow(Document, frozen=True, omit_defaults=False):
    """What one authorization let in, or what was denied where it has no name; "kind/name" as Linkerd prints them.

    `clients`: whom it let in or refused, as "SA.NS" where the client proved an identity, the most frequent first.
    """

    route: str
    server: str
    authorization: str = ""
    namespace: str = ""
    success: float | None = None
    rps: float | None = None
    denied_rps: float | None = None
    latency_p50: float | None = None
    latency_p95: float | None = None
    latency_p99: float | None = None
    clients: list[str] = []


class AuthzResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, server, route, authorization."""

    rows: list[AuthzRow] = []
    unscraped: list[str] = []


class PodRow(Document, frozen=True, omit_defaults=False):
    """A pod, what it belongs to ("kind/name"), and its proxy. `failure`: why its metrics cannot be read."""

    namespace: str
    name: str
    workload: str = ""
    status: str = ""
    meshed: bool = False
    tap: bool = False
    proxy_version: str = ""
    failure: str = ""


class PodsResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, name."""

    rows: list[PodRow] = []


class History(Document, frozen=True, omit_defaults=False):
    """A resource over time, oldest first; every list is as long as `times` (Unix seconds, the end of each step)."""

    kind: str
    namespace: str
    name: str
    step_seconds: float
    times: list[float] = []
    success: list[float | None] = []
    rps: list[float | None] = []
    latency_p50: list[float | None] = []
    latency_p95: list[float | None] = []
    latency_p99: list[float | None] = []


class HistoryResponse(Document, frozen=True, omit_defaults=False):
    """One entry for each resource of the kind, sorted by namespace and name."""

    entries: list[History] = []


class CertificateRow(Document, frozen=True, omit_defaults=False):
    """A certificate that the mesh lives on. `what`: anchor, issuer, or a workload's "NAMESPACE/POD". RFC 3339 UTC."""

    what: str
    not_after: str
    subject: str = ""


class CertificatesResponse(Document, frozen=True, omit_defaults=False):
    """Anchors, then the issuer, then workloads, those that end first first."""

    rows: list[CertificateRow] = []


class TapQuery(Document, frozen=True):
    """What to look at: requests that pods of a resource take (inbound) and make (outbound), as Linkerd's `viz tap`.

    `kind` may be namespace, or any workload kind, or pod; no name: all of the kind in the namespace. `selector`: labels
    of its pods, as kubectl's -l. `headers` asks for header values, which RBAC must allow.
    """

    kind: str
    namespace: str
    name: str = ""
    to_kind: str = ""
    to_name: str = ""
    to_namespace: str = ""
    scheme: str = ""
    method: str = ""
    authority: str = ""
    path: str = ""
    selector: str = ""
    max_rps: float = 100.0
    headers: bool = False


def tap_path(query: TapQuery) -> str:
    """The aggregated API's path for a query. Raises ValueError for a kind that cannot be tapped, and for bad names."""
    plural = TAP_KINDS.get(query.kind)
    if plural is None:
        raise ValueError(f"{query.kind!r} cannot be tapped: it must be one of {', '.join(TAP_KINDS)}")
    namespace = query.name or query.namespace if query.kind == "namespace" else query.namespace
    if not _NAME.fullmatch(namespace) or (query.name and not _NAME.fullmatch(query.name)):
        raise ValueError(f"{query.namespace}/{query.name}: no names of Kubernetes objects")
    path = f"/apis/{TAP_GROUP}/{TAP_VERSION}/watch/namespaces/{namespace}"
    if query.kind != "namespace":
        path += f"/{plural}" + (f"/{query.name}" if query.name else "")
    return f"{path}/tap"

"""Viz: the metrics API, `GET /api/v1/{stat,edges,routes,top}`. What is not measured is null, never zero."""

from linkerd_contract.codec import Document

STAT_PATH = "/api/v1/stat"
EDGES_PATH = "/api/v1/edges"
ROUTES_PATH = "/api/v1/routes"


class Dependency(Document, frozen=True):
    """A workload that another one calls."""

    kind: str
    namespace: str
    name: str


class StatRow(Document, frozen=True, omit_defaults=False):
    """One resource over the window. Latencies in milliseconds, success 0-1, rates per second."""

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


class StatResponse(Document, frozen=True, omit_defaults=False):
    """Rows sorted by namespace, kind, name; `unscraped` names pods whose metrics could not be read."""

    rows: list[StatRow] = []
    window_seconds: int = 60
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
    """Rows in the profile's order, `[DEFAULT]` last."""

    rows: list[RouteRow] = []

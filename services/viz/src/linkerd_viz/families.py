"""The proxy's metrics that viz reads, what of them it keeps, and what marks traffic in them. PURE.

A family is kept by the labels that some answer asks for; series that differ in others only (status codes, addresses)
are added up as they are read, which is what keeps a thousand pods in memory. Prometheus is asked for the same sums.
"""

from typing import NamedTuple

from linkerd_contract.exposition import Labels

RESPONSES = "response_total"
LATENCY = "response_latency_ms_bucket"
TCP_OPEN = "tcp_open_connections"
TCP_READ = "tcp_read_bytes_total"
TCP_WRITE = "tcp_write_bytes_total"
ROUTE_RESPONSES = "route_response_total"
ROUTE_ACTUAL = "route_actual_response_total"
ROUTE_LATENCY = "route_response_latency_ms_bucket"
AUTHZ_ALLOW = "inbound_http_authz_allow_total"
AUTHZ_DENY = "inbound_http_authz_deny_total"
# Linkerd's newer families, {http,grpc}: what a route was asked and said, attempts by backend, and what was sent again.
_OUTBOUND_ROUTE = tuple(f"outbound_{protocol}_route" for protocol in ("http", "grpc"))
OUT_STATUSES = tuple(f"{stem}_request_statuses_total" for stem in _OUTBOUND_ROUTE)
OUT_DURATIONS = tuple(f"{stem}_request_duration_seconds_bucket" for stem in _OUTBOUND_ROUTE)
OUT_RETRIES = tuple(f"{stem}_retry_requests_total" for stem in _OUTBOUND_ROUTE)
OUT_BACKEND_STATUSES = tuple(f"{stem}_backend_response_statuses_total" for stem in _OUTBOUND_ROUTE)
OUT_BACKEND_DURATIONS = tuple(f"{stem}_backend_response_duration_seconds_bucket" for stem in _OUTBOUND_ROUTE)
CERT_EXPIRY = "control_identity_cert_expiration_timestamp_seconds"

GAUGES = frozenset({TCP_OPEN, CERT_EXPIRY})

# Labels that name the workload behind an endpoint, the most telling first.
WORKLOAD_KINDS = ("deployment", "statefulset", "daemonset", "k8s_job", "replicaset", "pod")

_DESTINATION = ("authority", "dst_namespace", "dst_service", *(f"dst_{kind}" for kind in WORKLOAD_KINDS))
_TLS = ("tls", "server_id", "no_tls_reason")
_POLICY = ("srv_kind", "srv_name", "srv_port", "route_kind", "route_name", "authz_kind", "authz_name")
_OUT_ROUTE = ("parent_namespace", "parent_name", "parent_port", "route_kind", "route_name")
_OUT_BACKEND = (*_OUT_ROUTE, "backend_namespace", "backend_name", "backend_port")
_OUT_STATUS = ("http_status", "grpc_status", "error")

KEPT: dict[str, tuple[str, ...]] = {
    RESPONSES: ("direction", "classification", *_DESTINATION, *_TLS, *_POLICY),
    LATENCY: ("direction", "le", *_DESTINATION, *_POLICY),
    TCP_OPEN: ("direction", "peer", *_DESTINATION, *_TLS),
    TCP_READ: ("direction", "peer", *_DESTINATION, *_TLS),
    TCP_WRITE: ("direction", "peer", *_DESTINATION, *_TLS),
    ROUTE_RESPONSES: ("direction", "dst", "rt_route", "classification"),
    ROUTE_ACTUAL: ("direction", "dst", "rt_route", "classification"),
    ROUTE_LATENCY: ("direction", "dst", "rt_route", "le"),
    AUTHZ_ALLOW: ("direction", "client_id", "tls", *_POLICY),
    AUTHZ_DENY: ("direction", "client_id", "tls", *_POLICY),
    CERT_EXPIRY: (),
    **dict.fromkeys(OUT_STATUSES, (*_OUT_ROUTE, *_OUT_STATUS)),
    **dict.fromkeys(OUT_DURATIONS, (*_OUT_ROUTE, "le")),
    **dict.fromkeys(OUT_RETRIES, _OUT_ROUTE),
    **dict.fromkeys(OUT_BACKEND_STATUSES, (*_OUT_BACKEND, *_OUT_STATUS)),
    **dict.fromkeys(OUT_BACKEND_DURATIONS, (*_OUT_BACKEND, "le")),
}
"""The labels that are kept, by family."""

WANTED = frozenset(KEPT)

INBOUND, OUTBOUND = "inbound", "outbound"
_PEER = {INBOUND: "src", OUTBOUND: "dst"}


class Want(NamedTuple):
    """Series of one family on one side of the proxy ("" for families that have no sides)."""

    family: str
    direction: str = ""


_WANTS = {(family, side): Want(family, side) for family in KEPT for side in ("", INBOUND, OUTBOUND)}
_FIGURES = (RESPONSES, LATENCY, TCP_OPEN, TCP_READ, TCP_WRITE)
INBOUND_FIGURES = tuple(Want(family, INBOUND) for family in _FIGURES)
OUTBOUND_FIGURES = tuple(Want(family, OUTBOUND) for family in _FIGURES)
CALLS = tuple(Want(family, OUTBOUND) for family in (RESPONSES, TCP_OPEN, TCP_READ))
"""What tells who calls whom."""


def project(family: str, labels: Labels) -> Labels | None:
    """The labels that are kept; None for a series that no answer needs.

    Of a side's two kinds of TCP connections only the client's (inbound) and the server's (outbound) are traffic.
    """
    if "peer" in labels and labels["peer"] != _PEER.get(labels.get("direction", "")):
        return None
    return {name: labels[name] for name in KEPT[family] if name in labels}


def want_of(family: str, labels: Labels) -> Want:
    """What a series answers to: the same object for all, as each of a thousand pods keeps dozens."""
    direction = labels.get("direction", "")
    return _WANTS.get((family, direction)) or Want(family, direction)


def short_identity(name: str) -> str:
    """ "SA.NS" of "SA.NS.serviceaccount.identity.…", as Linkerd shows identities; other names as they are."""
    account, _, rest = name.partition(".serviceaccount.identity.")
    return account if rest else name

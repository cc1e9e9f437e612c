"""The proxy's metrics that viz reads, and what marks traffic in them. PURE."""

from linkerd_contract.exposition import Labels

RESPONSES = "response_total"
LATENCY = "response_latency_ms_bucket"
TCP_OPEN = "tcp_open_connections"
TCP_READ = "tcp_read_bytes_total"
TCP_WRITE = "tcp_write_bytes_total"
WANTED = frozenset({RESPONSES, LATENCY, TCP_OPEN, TCP_READ, TCP_WRITE})

# Labels that name the workload behind an endpoint, the most telling first.
WORKLOAD_KINDS = ("deployment", "statefulset", "daemonset", "k8s_job", "replicaset", "pod")


def inbound(labels: Labels) -> bool:
    """Traffic that came to the pod; of its two TCP sides, the client's."""
    return labels.get("direction") == "inbound" and labels.get("peer", "src") == "src"


def outbound(labels: Labels) -> bool:
    """Traffic that the pod sent; of its two TCP sides, the server's."""
    return labels.get("direction") == "outbound" and labels.get("peer", "dst") == "dst"


def short_identity(name: str) -> str:
    """ "SA.NS" of "SA.NS.serviceaccount.identity.…", as Linkerd shows identities; other names as they are."""
    account, _, rest = name.partition(".serviceaccount.identity.")
    return account if rest else name

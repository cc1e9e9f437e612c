"""Every pod, what it belongs to, and how its proxy is."""

from linkerd_contract.viz import PodRow, PodsResponse
from linkerd_viz.inventory import Inventory, owners, parents_of, workload_of
from linkerd_viz.measurements import Measurements
from linkerd_viz.query import Query

PROXY_VERSION = "linkerd.io/proxy-version"
TAP_ENABLED = "viz.linkerd.io/tap-enabled"


async def pods(measurements: Measurements, inventory: Inventory, query: Query) -> PodsResponse:
    """Active pods of the namespace and, where one is given, of that name. Raises Unavailable."""
    parents = parents_of(inventory)
    chosen = [
        pod
        for pod in sorted(inventory.pods, key=lambda p: p.metadata.key)
        if pod.active
        and query.subject.names(*pod.metadata.key)
        and (query.selector is None or query.selector(pod.metadata.labels))
    ]
    failures = await measurements.failures({p.metadata.key for p in chosen if p.admin_addr is not None})
    rows = []
    for pod in chosen:
        annotations = pod.metadata.annotations
        rows.append(
            PodRow(
                namespace=pod.metadata.namespace,
                name=pod.metadata.name,
                workload="/".join(workload_of(owners(pod, parents))),
                status=pod.status.phase,
                meshed=pod.proxy is not None,
                tap=pod.proxy is not None and annotations.get(TAP_ENABLED) == "true",
                proxy_version=annotations.get(PROXY_VERSION, ""),
                failure=failures.get(pod.metadata.key, ""),
            )
        )
    return PodsResponse(rows)

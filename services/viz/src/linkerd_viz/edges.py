"""Who talks to whom.

An edge is seen at its source: outbound series that moved within the window, or are open now, whose endpoint labels name
the destination. Endpoints that are gone do not count.
"""

from collections.abc import Iterable, Iterator, Sequence

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import Dependency, EdgeRow, EdgesResponse
from linkerd_viz.families import CALLS, short_identity
from linkerd_viz.inventory import WORKLOADS, Group, Inventory, Pod, groups
from linkerd_viz.measurements import Measurements, Reading, Readings, Window
from linkerd_viz.query import Destinations, Query

EDGE_KINDS = (*WORKLOADS, "namespace")


def dependencies(calls: Iterable[Reading], destinations: Destinations) -> list[Dependency]:
    """Workloads that are called, by kind, namespace and name."""
    found = {destinations.workload(series) for series, value in calls if value > 0}
    return [Dependency(*workload) for workload in sorted(w for w in found if w is not None)]


async def unscraped(measurements: Measurements, pods: Iterable[Pod]) -> list[str]:
    """Meshed pods that run and are not measured now, "namespace/name"."""
    keys = {pod.metadata.key for pod in pods if pod.admin_addr is not None}
    return sorted("/".join(key) for key in await measurements.failures(keys))


async def edges(measurements: Measurements, inventory: Inventory, query: Query) -> EdgesResponse:
    """Every edge between two resources of a kind that begins or ends in the namespace (None: all)."""
    kind, namespace = query.subject.kind, query.subject.namespace
    measurements.check_window(query.window_seconds, per_pod=kind in ("pod", "replicaset"))
    sources = groups(inventory, kind)
    pods = [pod for group in sources for pod in group.meshed]
    window = Window(measurements.now(), query.window_seconds)
    (readings,) = await measurements.read({pod.metadata.key for pod in pods}, CALLS, [window])
    destinations = Destinations(inventory)
    rows = {
        row
        for group in sources
        for row in _from(group, readings, destinations)
        if namespace in (None, row.src_namespace, row.dst_namespace)
    }
    mine = [pod for pod in pods if namespace in (None, pod.metadata.namespace)]
    return EdgesResponse(
        sorted(rows, key=lambda r: (r.src, r.src_namespace, r.dst, r.dst_namespace, r.no_tls_reason)),
        await unscraped(measurements, mine),
    )


def _from(group: Group, readings: Readings, destinations: Destinations) -> Iterator[EdgeRow]:
    nothing: Sequence[Reading] = ()
    for pod in group.meshed:
        source_namespace = pod.metadata.namespace
        for series, value in readings.get(pod.metadata.key, nothing):
            name = destinations.endpoint(series, group.kind) if value > 0 else None
            if name is None:
                continue
            tls = tls_of(series.labels, f"{pod.spec.service_account_name}.{source_namespace}")
            yield EdgeRow(group.name, source_namespace, name, series.labels["dst_namespace"], *tls)


def tls_of(labels: Labels, account: str) -> tuple[str, str, str]:
    """Of an outbound series: the client's identity, which is its pods' account ("SA.NS"), the server's, or why not."""
    if labels.get("tls") == "true":
        return account, short_identity(labels.get("server_id", "")), ""
    return "", "", labels.get("no_tls_reason") or "unknown"

"""Who talks to whom.

An edge is seen at its source: outbound series that moved within the window, or are open now, whose endpoint labels name
the destination. Endpoints that are gone do not count.
"""

from collections.abc import Iterable, Iterator, Sequence

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import Dependency, EdgeRow, EdgesResponse
from linkerd_viz.families import CALLS, OUTBOUND, short_identity
from linkerd_viz.inventory import Group, Inventory, Pod, groups
from linkerd_viz.measurements import Measurements, Reading, Readings, Window
from linkerd_viz.query import Destinations, Query

EDGE_KINDS = ("deployment", "replicaset", "statefulset", "daemonset", "job", "pod")
_WORKLOADS = ("deployment", "statefulset", "daemonset", "job", "replicaset", "pod")
_CALLING = frozenset(want.family for want in CALLS)


def called(readings: Iterable[Reading], destinations: Destinations) -> Iterator[Labels]:
    """Labels of the outbound series that moved, or are open."""
    for series, value in readings:
        labels = series.labels
        if (
            value > 0
            and series.family in _CALLING
            and labels.get("direction") == OUTBOUND
            and "dst_namespace" in labels
            and not destinations.gone(labels)
        ):
            yield labels


def dependencies(readings: Iterable[Reading], destinations: Destinations) -> list[Dependency]:
    """Workloads that are called, by kind, namespace and name."""
    found: set[tuple[str, str, str]] = set()
    for labels in called(readings, destinations):
        for kind in _WORKLOADS:
            if name := destinations.name(labels, kind):
                found.add((kind, labels["dst_namespace"], name))
                break
    return [Dependency(kind, namespace, name) for kind, namespace, name in sorted(found)]


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
        for labels in called(readings.get(pod.metadata.key, nothing), destinations):
            name = destinations.name(labels, group.kind)
            if name is None:
                continue
            secured = labels.get("tls") == "true"
            yield EdgeRow(
                src=group.name,
                src_namespace=source_namespace,
                dst=name,
                dst_namespace=labels["dst_namespace"],
                client_id=f"{pod.spec.service_account_name}.{source_namespace}" if secured else "",
                server_id=short_identity(labels.get("server_id", "")) if secured else "",
                no_tls_reason="" if secured else labels.get("no_tls_reason") or "unknown",
            )

"""Who talks to whom. PURE.

An edge is seen at its source: outbound series that moved within the window, whose endpoint labels name the
destination. Endpoints that are gone do not count: after a rollout the edges are those of today's pods.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import Dependency, EdgeRow, EdgesResponse
from linkerd_viz.families import RESPONSES, TCP_OPEN, TCP_READ, WORKLOAD_KINDS, outbound, short_identity
from linkerd_viz.inventory import Group, Inventory, Pod, groups
from linkerd_viz.store import Store, View


@dataclass(frozen=True, slots=True)
class EdgesQuery:
    """`namespace` None: all. Edges that begin or end there."""

    kind: str
    namespace: str | None
    window_seconds: float


def unscraped(store: Store, pods: list[Pod]) -> list[str]:
    """Meshed pods whose metrics could not be read at the last attempt, "namespace/name"."""
    return sorted(
        "/".join(pod.metadata.key)
        for pod in {pod.metadata.key: pod for pod in pods}.values()
        if pod.admin_addr is not None and store.failure(pod.metadata.key)
    )


def live_pods(inventory: Inventory) -> set[tuple[str, str]]:
    """Keys of all pods that are there."""
    return {pod.metadata.key for pod in inventory.pods if pod.active}


def destinations(view: View, live: set[tuple[str, str]]) -> Iterator[Labels]:
    """Labels of the outbound series of a pod that moved within the window, or are open now."""
    for series in view.series:
        labels = series.labels
        if not outbound(labels) or "dst_namespace" not in labels:
            continue
        pod = labels.get("dst_pod")
        if pod is not None and (labels["dst_namespace"], pod) not in live:
            continue
        if series.name == TCP_OPEN:
            seen = bool(view.latest(series))
        else:
            seen = series.name in (RESPONSES, TCP_READ) and view.increase(series) > 0
        if seen:
            yield labels


def dependencies(views: list[View], live: set[tuple[str, str]]) -> list[Dependency]:
    """Workloads that pods call, by kind, namespace and name."""
    found: set[tuple[str, str, str]] = set()
    for view in views:
        for labels in destinations(view, live):
            for kind in WORKLOAD_KINDS:
                if name := labels.get(f"dst_{kind}"):
                    found.add(("job" if kind == "k8s_job" else kind, labels["dst_namespace"], name))
                    break
    return [Dependency(kind, namespace, name) for kind, namespace, name in sorted(found)]


def edges(store: Store, inventory: Inventory, query: EdgesQuery, now: float) -> EdgesResponse:
    """Every edge between two resources of a kind."""
    live = live_pods(inventory)
    sources = groups(inventory, query.kind)
    rows = {row for group in sources for row in _from(group, store, query, now, live)}
    pods = [pod for group in sources for pod in group.pods if query.namespace in (None, pod.metadata.namespace)]
    return EdgesResponse(
        sorted(rows, key=lambda r: (r.src, r.src_namespace, r.dst, r.dst_namespace, r.no_tls_reason)),
        unscraped(store, pods),
    )


def _from(group: Group, store: Store, query: EdgesQuery, now: float, live: set[tuple[str, str]]) -> Iterator[EdgeRow]:
    label = "dst_k8s_job" if query.kind == "job" else f"dst_{query.kind}"
    for pod in group.pods:
        for labels in destinations(store.view(pod.metadata.key, now, query.window_seconds), live):
            name, namespace = labels.get(label), labels["dst_namespace"]
            source_namespace = pod.metadata.namespace
            if name is None or query.namespace not in (None, namespace, source_namespace):
                continue
            secured = labels.get("tls") == "true"
            yield EdgeRow(
                src=group.name,
                src_namespace=source_namespace,
                dst=name,
                dst_namespace=namespace,
                client_id=f"{pod.spec.service_account_name}.{source_namespace}" if secured else "",
                server_id=short_identity(labels.get("server_id", "")) if secured else "",
                no_tls_reason="" if secured else labels.get("no_tls_reason") or "unknown",
            )

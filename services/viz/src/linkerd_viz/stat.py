"""Success rate, requests, latencies and connections of resources.

Workloads: of the inbound side of their pods; with a destination, of their outbound side to it; with a source, of its
outbound side to them. Services, authorities and the leaves of TrafficSplits are no processes: their figures are of the
outbound side of who calls them, all the mesh or the source, as Linkerd's are. What policy is made of: policies.py.
"""

from collections.abc import Iterable, Mapping

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import Dependency, StatResponse, StatRow
from linkerd_viz.edges import dependencies, unscraped
from linkerd_viz.families import CALLS, INBOUND_FIGURES, OUTBOUND_FIGURES, Want
from linkerd_viz.figures import Figures, by, of_group, summed, total
from linkerd_viz.inventory import KINDS, Group, Inventory, Pod, Split, meshed_pods
from linkerd_viz.measurements import Measurements, Reading, Readings, Window
from linkerd_viz.policies import POLICY_KINDS, stat_policies
from linkerd_viz.query import BadQuery, Destinations, Named, Query, pods_of, selected

STAT_KINDS = (*KINDS, "authority", "trafficsplit", *POLICY_KINDS)
_CALLED = ("service", "authority", "trafficsplit")
_PER_POD = ("pod", "replicaset", "authority", "trafficsplit", *POLICY_KINDS)


async def stat(measurements: Measurements, inventory: Inventory, query: Query) -> StatResponse:
    """A row for each resource that the query names. Raises BadQuery, BadWindow, Unavailable."""
    kind = query.subject.kind
    sides = {named.kind for named in (query.subject, query.destination, query.source) if named is not None}
    per_pod = query.selector is not None or not sides.isdisjoint(_PER_POD)
    measurements.check_window(query.window_seconds, per_pod=per_pod)
    if kind in POLICY_KINDS:
        return await stat_policies(measurements, inventory, query)
    if kind in _CALLED and query.destination is not None:
        raise BadQuery(f"to: a {kind} sends no traffic; ask for what calls it with from")
    if kind in _CALLED or query.source is not None:
        return await _called(measurements, inventory, query)
    return await _workloads(measurements, inventory, query)


async def _read(measurements: Measurements, query: Query, pods: Iterable[Pod], wants: Iterable[Want]) -> Readings:
    window = Window(measurements.now(), query.window_seconds)
    (readings,) = await measurements.read({pod.metadata.key for pod in pods}, wants, [window])
    return readings


async def _workloads(measurements: Measurements, inventory: Inventory, query: Query) -> StatResponse:
    """Of the pods' own series."""
    chosen = selected(inventory, query)
    pods = [pod for group in chosen for pod in group.meshed]
    destinations = Destinations(inventory)
    calls = await _read(measurements, query, pods, CALLS)
    if query.destination is None:
        figures = await _read(measurements, query, pods, INBOUND_FIGURES)
    else:
        to, everything = query.destination, await _read(measurements, query, pods, OUTBOUND_FIGURES)
        figures = {
            pod: [reading for reading in found if destinations.matches(reading[0].labels, to)]
            for pod, found in everything.items()
        }
    rows = [_row(g, total(of_group(g, figures)), dependencies(of_group(g, calls), destinations)) for g in chosen]
    return StatResponse(rows, round(query.window_seconds), await unscraped(measurements, pods))


async def _called(measurements: Measurements, inventory: Inventory, query: Query) -> StatResponse:
    """Of the outbound series of callers."""
    callers = meshed_pods(inventory) if query.source is None else pods_of(inventory, query.source)
    readings = await _read(measurements, query, callers, OUTBOUND_FIGURES)
    everything = summed(readings.values())
    if query.subject.kind == "trafficsplit":
        rows = list(_splits(inventory.splits, query, everything))
    elif query.subject.kind == "authority":
        rows = _authorities(query.subject, everything)
    else:
        kind, destinations = query.subject.kind, Destinations(inventory)
        found = by(lambda labels: destinations.key(labels, kind), everything)
        rows = [_row(g, found.get((g.namespace, g.name), Figures()), []) for g in selected(inventory, query)]
    return StatResponse(rows, round(query.window_seconds), await unscraped(measurements, callers))


def _authorities(subject: Named, readings: Iterable[Reading]) -> list[StatRow]:
    def key(labels: Labels) -> tuple[str, str] | None:
        authority, namespace = labels.get("authority"), labels.get("dst_namespace", "")
        if not authority or subject.namespace not in (None, namespace):
            return None
        return None if subject.name not in (None, authority, authority.rpartition(":")[0]) else (namespace, authority)

    return [
        _row(Group("authority", namespace, name, []), figures, [])
        for (namespace, name), figures in sorted(by(key, readings).items())
    ]


def _splits(splits: list[Split], query: Query, readings: list[Reading]) -> Iterable[StatRow]:
    for split in sorted(splits, key=lambda s: s.metadata.key):
        meta, apex = split.metadata, split.spec.service
        if not query.subject.names(meta.namespace, meta.name):
            continue
        if query.selector is not None and not query.selector(meta.labels):
            continue
        leaves = _leaves(meta.namespace, apex, readings)
        for backend in split.spec.backends:
            figures = leaves.get(backend.service, Figures())
            group = Group("trafficsplit", meta.namespace, meta.name, [])
            yield _row(group, figures, [], (apex, backend.service, str(backend.weight)))


def _leaves(namespace: str, apex: str, readings: list[Reading]) -> Mapping[str, Figures]:
    """By service, what was sent to the apex's name and ended there."""

    def leaf(labels: Labels) -> str | None:
        called = labels.get("authority", "").startswith((f"{apex}.{namespace}.", f"{apex}.{namespace}:"))
        return labels.get("dst_service") if called and labels.get("dst_namespace") == namespace else None

    return by(leaf, readings)


def _row(group: Group, figures: Figures, calls: list[Dependency], split: tuple[str, str, str] | None = None) -> StatRow:
    p50, p95, p99 = figures.quantiles
    apex, leaf, weight = split or (None, None, None)
    return StatRow(
        namespace=group.namespace,
        kind=group.kind,
        name=group.name,
        status=group.pods[0].status.phase if group.kind == "pod" else "",
        meshed=len(group.meshed),
        total=len(group.pods),
        success=figures.success,
        rps=figures.rps,
        latency_p50=p50,
        latency_p95=p95,
        latency_p99=p99,
        tcp_open_connections=None if figures.open is None else round(figures.open),
        tcp_read_bytes_rate=figures.read,
        tcp_write_bytes_rate=figures.written,
        dependencies=calls,
        apex=apex,
        leaf=leaf,
        weight=weight,
    )

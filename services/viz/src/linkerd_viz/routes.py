"""Traffic by the routes of ServiceProfiles, seen by who calls: effective is what callers saw, actual counts attempts.

For a service, and for a workload the services that it is behind: what all the mesh sends there, or a source alone. With
a destination: what the workload sends there.
"""

from collections.abc import Sequence

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import RouteRow, RoutesResponse
from linkerd_viz.edges import unscraped
from linkerd_viz.families import ROUTE_ACTUAL, ROUTE_LATENCY, ROUTE_RESPONSES, Want
from linkerd_viz.figures import Figures, by, summed
from linkerd_viz.inventory import KINDS, Inventory, Pod, groups, meshed_pods
from linkerd_viz.measurements import Measurements, Window
from linkerd_viz.query import BadQuery, Named, Query, pods_of

ROUTE_KINDS = (*KINDS, "authority")
DEFAULT_ROUTE = "[DEFAULT]"
_WANTS = tuple(Want(family, "outbound") for family in (ROUTE_RESPONSES, ROUTE_ACTUAL, ROUTE_LATENCY))
Key = tuple[str, str]
"""Namespace and name of a service."""


async def routes(measurements: Measurements, inventory: Inventory, query: Query) -> RoutesResponse:
    """Rows by service, in the order of its profile. Raises BadQuery, BadWindow, Unavailable."""
    measurements.check_window(query.window_seconds, per_pod=True)
    callers, services = _sides(inventory, query)
    keys = {pod.metadata.key for pod in callers}
    (readings,) = await measurements.read(keys, _WANTS, [Window(measurements.now(), query.window_seconds)])
    found = by(_service_and_route, summed(readings.values()))
    profiles = {
        key: [r.name for r in p.spec.routes] for p in inventory.profiles if (key := service_of(p.metadata.name))
    }
    order = [key for key in sorted({key for key, _ in found} | set(profiles)) if services is None or key in services]
    rows = []
    for key in order:
        names = list(dict.fromkeys([*profiles.get(key, ()), *sorted(r for k, r in found if k == key)]))
        seen = [name for name in names if name != DEFAULT_ROUTE]
        # What a caller is asked about are the services that it calls; without any traffic they have no rows.
        if services is None and not any((key, name) in found for name in names):
            continue
        rows += [_row(key[1], name, found.get((key, name), Figures())) for name in (*seen, DEFAULT_ROUTE)]
    return RoutesResponse(rows, await unscraped(measurements, callers))


def _sides(inventory: Inventory, query: Query) -> tuple[Sequence[Pod], set[Key] | None]:
    """Whose outbound series count, and to which services (None: to all)."""
    subject, to = query.subject, query.destination
    if to is not None:
        if subject.kind in ("service", "authority"):
            raise BadQuery(f"to: a {subject.kind} sends no traffic")
        return pods_of(inventory, subject), _services(inventory, to)
    callers = meshed_pods(inventory) if query.source is None else pods_of(inventory, query.source)
    return callers, _services(inventory, subject)


def _services(inventory: Inventory, named: Named) -> set[Key]:
    """The services that are named, or that the named workloads are behind."""
    if named.kind == "authority":
        key = service_of((named.name or "").rpartition(":")[0] or named.name or "")
        return {key} if key else set()
    services = groups(inventory, "service")
    if named.kind == "service":
        found = {(g.namespace, g.name) for g in services if named.covers(g)}
        # A service that is not there may have been called a minute ago.
        return found | ({(named.namespace, named.name)} if named.namespace and named.name else set())
    pods = {p.metadata.key for g in groups(inventory, named.kind) if named.covers(g) for p in g.pods}
    return {(g.namespace, g.name) for g in services if any(p.metadata.key in pods for p in g.pods)}


def service_of(name: str) -> Key | None:
    """Namespace and name of a service's full name, "web.emojivoto.svc.cluster.local"."""
    parts = name.split(".")
    return (parts[1], parts[0]) if len(parts) >= 3 and parts[2] == "svc" else None


def _service_and_route(labels: Labels) -> tuple[Key, str] | None:
    destination = labels.get("dst", "")
    key = service_of(destination.rpartition(":")[0] or destination)
    return None if key is None else (key, labels.get("rt_route", DEFAULT_ROUTE))


def _row(service: str, route: str, figures: Figures) -> RouteRow:
    p50, p95, p99 = figures.quantiles
    return RouteRow(
        route=route,
        service=service,
        success=figures.success,
        rps=figures.rps,
        actual_success=figures.actual_success,
        actual_rps=figures.actual_rps,
        latency_p50=p50,
        latency_p95=p95,
        latency_p99=p99,
    )

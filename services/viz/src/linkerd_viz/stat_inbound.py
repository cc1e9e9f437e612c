"""What workloads were asked, by Server and route, as their own proxies count it."""

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import StatInboundResponse, StatInboundRow
from linkerd_viz.edges import unscraped
from linkerd_viz.families import INBOUND, LATENCY, RESPONSES, Want
from linkerd_viz.figures import by, of_group
from linkerd_viz.inventory import Inventory
from linkerd_viz.measurements import Measurements, Window
from linkerd_viz.query import Query, selected

DEFAULT = "[default]"
_WANTS = tuple(Want(family, INBOUND) for family in (RESPONSES, LATENCY))


async def stat_inbound(measurements: Measurements, inventory: Inventory, query: Query) -> StatInboundResponse:
    """A row for each route of each resource that took requests. Raises BadWindow, Unavailable."""
    measurements.check_window(query.window_seconds, per_pod=True)
    chosen = selected(inventory, query)
    pods = {pod.metadata.key: pod for group in chosen for pod in group.meshed}
    (readings,) = await measurements.read(set(pods), _WANTS, [Window(measurements.now(), query.window_seconds)])
    rows = []
    for group in chosen:
        found = by(_key, of_group(group, readings))
        for (server, port, route, kind), figures in sorted(found.items()):
            if figures.rps:
                quantiles = figures.quantiles
                place = (group.namespace, group.name, server, port, route, kind)
                rows.append(StatInboundRow(*place, figures.success, figures.rps, *quantiles))
    return StatInboundResponse(rows, await unscraped(measurements, pods.values()))


def _key(labels: Labels) -> tuple[str, str, str, str]:
    """Server, port, route and the route's kind."""
    server = DEFAULT if labels.get("srv_kind") == "default" else labels.get("srv_name", "")
    return server, labels.get("srv_port", ""), *route_of(labels)


def route_of(labels: Labels) -> tuple[str, str]:
    """A route's name and kind as Linkerd shows them: "[default]" and no kind for what no resource stands for."""
    name, kind = labels.get("route_name", ""), labels.get("route_kind", "")
    return DEFAULT if name == "default" else name, "" if kind == "default" else kind

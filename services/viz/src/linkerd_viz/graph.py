"""Who calls whom, workload by workload, and how well: all edges and their figures in one answer.

As in edges, an edge is seen at its source. Both of its ends are the topmost owners of the pods, whatever their kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from linkerd_contract.viz import GraphResponse, GraphRow
from linkerd_viz.edges import tls_of, unscraped
from linkerd_viz.families import CALLS, LATENCY, OUTBOUND, Want
from linkerd_viz.figures import Figures
from linkerd_viz.inventory import Inventory, meshed_pods, workload_of_pods
from linkerd_viz.measurements import Measurements, Reading, Window
from linkerd_viz.query import Destinations, Query

_WANTS = (*CALLS, Want(LATENCY, OUTBOUND))
_CALLS = frozenset(want.family for want in CALLS)
Ends = tuple[str, str, str, str, str, str]
"""Kind, namespace and name of the source, and of the destination."""


@dataclass(slots=True)
class _Edge:
    """`called`: whether something is open, or was asked, within the window; else nobody calls there any more."""

    figures: Figures = field(default_factory=Figures)
    called: bool = False
    ids: tuple[str, str] = ("", "")
    no_tls_reason: str = ""


async def graph(measurements: Measurements, inventory: Inventory, query: Query) -> GraphResponse:
    """Every edge that begins or ends in the namespace (None: all). Raises BadWindow, Unavailable."""
    measurements.check_window(query.window_seconds, per_pod=False)
    namespace, pods = query.subject.namespace, meshed_pods(inventory)
    window = Window(measurements.now(), query.window_seconds)
    (readings,) = await measurements.read({pod.metadata.key for pod in pods}, _WANTS, [window])
    destinations, sources = Destinations(inventory), workload_of_pods(inventory)
    nothing: Sequence[Reading] = ()
    found: dict[Ends, _Edge] = {}
    for pod in pods:
        source = sources[pod.metadata.key]
        for reading in readings.get(pod.metadata.key, nothing):
            destination = destinations.workload(reading[0])
            if destination is not None and namespace in (None, source[1], destination[1]):
                ends = (*source, *destination)
                edge = found.get(ends) or found.setdefault(ends, _Edge())
                _add(edge, reading, f"{pod.spec.service_account_name}.{source[1]}")
    rows = [_row(ends, edge) for ends, edge in sorted(found.items()) if edge.called]
    mine = [pod for pod in pods if namespace in (None, pod.metadata.namespace)]
    return GraphResponse(rows, await unscraped(measurements, mine))


def _add(edge: _Edge, reading: Reading, account: str) -> None:
    series, value = reading
    edge.figures.add(reading)
    if series.family in _CALLS and value > 0:
        edge.called = True
        client, server, reason = tls_of(series.labels, account)
        # One call without TLS is enough for an edge that is not secured.
        edge.no_tls_reason = reason or edge.no_tls_reason
        edge.ids = (client, server) if server else edge.ids


def _row(ends: Ends, edge: _Edge) -> GraphRow:
    figures = edge.figures
    ids = ("", "") if edge.no_tls_reason else edge.ids
    return GraphRow(*ends, *ids, edge.no_tls_reason, figures.success, figures.rps, *figures.quantiles)

"""Resources over time."""

from linkerd_contract.viz import History, HistoryResponse
from linkerd_viz.families import INBOUND, LATENCY, RESPONSES, Want
from linkerd_viz.figures import Figures, of_group, total
from linkerd_viz.inventory import WORKLOADS, Group, Inventory
from linkerd_viz.measurements import Measurements, Readings, Window
from linkerd_viz.query import Query, selected

HISTORY_KINDS = (*WORKLOADS, "namespace")
_WANTS = (Want(RESPONSES, INBOUND), Want(LATENCY, INBOUND))
_POINTS = 60
# A point is a rate, so it needs several scrapes: points of a finer step overlap.
_OVER_SECONDS = 30.0


async def history(measurements: Measurements, inventory: Inventory, query: Query) -> HistoryResponse:
    """At most 60 points for each resource. Raises BadWindow, Unavailable."""
    per_pod = query.subject.kind in ("pod", "replicaset") or query.selector is not None
    measurements.check_window(query.window_seconds, per_pod=per_pod)
    finest = measurements.step_seconds(query.window_seconds)
    step = max(1, round(query.window_seconds / _POINTS / finest)) * finest
    count = max(1, int(query.window_seconds // step))
    # On whole steps, so that whoever asks again gets the same points.
    last = measurements.now() // step * step
    times = [last - step * back for back in reversed(range(count))]
    windows = [Window(time, max(step, _OVER_SECONDS)) for time in times]
    chosen = selected(inventory, query)
    keys = {pod.metadata.key for group in chosen for pod in group.meshed}
    readings = await measurements.read(keys, _WANTS, windows)
    return HistoryResponse([_entry(group, step, times, readings) for group in chosen])


def _entry(group: Group, step: float, times: list[float], readings: list[Readings]) -> History:
    figures = [_figures(group, one) for one in readings]
    quantiles = [one.quantiles for one in figures]
    return History(
        kind=group.kind,
        namespace=group.namespace,
        name=group.name,
        step_seconds=step,
        times=times,
        success=[one.success for one in figures],
        rps=[one.rps for one in figures],
        latency_p50=[p50 for p50, _, _ in quantiles],
        latency_p95=[p95 for _, p95, _ in quantiles],
        latency_p99=[p99 for _, _, p99 in quantiles],
    )


def _figures(group: Group, readings: Readings) -> Figures:
    return total(of_group(group, readings))

"""What workloads send, by service, route and backend, as their own proxies count it.

Of a route: requests as the callers saw them, after retries. Of a backend: the attempts that it was sent.
"""

from collections.abc import Iterable, Iterator

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import StatOutboundResponse, StatOutboundRow
from linkerd_viz.edges import unscraped
from linkerd_viz.families import (
    OUT_BACKEND_DURATIONS,
    OUT_BACKEND_STATUSES,
    OUT_DURATIONS,
    OUT_RETRIES,
    OUT_STATUSES,
    Want,
)
from linkerd_viz.figures import Figures, of_group
from linkerd_viz.inventory import Group, Inventory
from linkerd_viz.measurements import Measurements, Reading, Series, Window
from linkerd_viz.query import Query, selected
from linkerd_viz.stat_inbound import DEFAULT, route_of

_BACKENDS = (*OUT_BACKEND_STATUSES, *OUT_BACKEND_DURATIONS)
_WANTS = tuple(Want(family) for family in (*OUT_STATUSES, *OUT_DURATIONS, *OUT_RETRIES, *_BACKENDS))
_IN_BUCKETS = frozenset({*OUT_DURATIONS, *OUT_BACKEND_DURATIONS})
_OF_BACKENDS = frozenset(_BACKENDS)
_RETRIES = frozenset(OUT_RETRIES)
_TIMEOUTS = ("REQUEST_TIMEOUT", "RESPONSE_HEADERS_TIMEOUT")
Key = tuple[str, str, str, str, str, str, str, str]
"""The service's name, namespace and port, the route and its kind, the backend's name, namespace and port ("": none)."""


async def stat_outbound(measurements: Measurements, inventory: Inventory, query: Query) -> StatOutboundResponse:
    """Rows of the routes that each resource used. Raises BadWindow, Unavailable."""
    measurements.check_window(query.window_seconds, per_pod=True)
    chosen = selected(inventory, query)
    pods = {pod.metadata.key: pod for group in chosen for pod in group.meshed}
    (readings,) = await measurements.read(set(pods), _WANTS, [Window(measurements.now(), query.window_seconds)])
    keys: dict[Series, Key] = {}
    rows = [row for group in chosen for row in _rows(group, of_group(group, readings), keys)]
    return StatOutboundResponse(rows, await unscraped(measurements, pods.values()))


class _Sums:
    def __init__(self) -> None:
        self.figures = Figures()
        self.timeouts = self.retries = 0.0

    def add(self, reading: Reading) -> None:
        series, value = reading
        figures = self.figures
        if series.family in _RETRIES:
            self.retries += value
        elif series.family in _IN_BUCKETS:
            figures.buckets = figures.buckets if figures.buckets is not None else {}
            milliseconds = series.bound * 1000
            figures.buckets[milliseconds] = figures.buckets.get(milliseconds, 0.0) + value
        else:
            failed = _failed(series.labels)
            figures.failures = (figures.failures or 0.0) + (value if failed else 0.0)
            figures.successes += 0.0 if failed else value
            self.timeouts += value if series.labels.get("error") in _TIMEOUTS else 0.0


def _failed(labels: Labels) -> bool:
    """As Linkerd's command has it: an error, a status of 500 and above, a gRPC status other than OK."""
    return bool(labels.get("error")) or labels.get("http_status", "").startswith("5") or _grpc_failed(labels)


def _grpc_failed(labels: Labels) -> bool:
    return labels.get("grpc_status", "OK") not in ("OK", "")


def _rows(group: Group, readings: Iterable[Reading], keys: dict[Series, Key]) -> Iterator[StatOutboundRow]:
    """`keys` are kept for the other resources: what calls the same services shares series."""
    found: dict[Key, _Sums] = {}
    for reading in readings:
        series = reading[0]
        key = keys.get(series) or keys.setdefault(series, _key(series))
        (found.get(key) or found.setdefault(key, _Sums())).add(reading)
    for key, sums in sorted(found.items()):
        figures, rps = sums.figures, sums.figures.rps
        if rps:
            retries = None if key[5] else sums.retries / (rps + sums.retries)
            measured = (figures.success, rps, *figures.quantiles, sums.timeouts / rps, retries)
            yield StatOutboundRow(group.namespace, group.name, *key, *measured)


def _key(series: Series) -> Key:
    labels = series.labels
    route, kind = route_of(labels)
    service = (labels.get("parent_name", ""), labels.get("parent_namespace", ""), labels.get("parent_port", ""))
    backend = tuple(labels.get(f"backend_{part}", "") for part in ("name", "namespace", "port"))
    name, namespace, port = backend if series.family in _OF_BACKENDS else ("", "", "")
    # Outbound, Linkerd's default routes have names of their own ("http"), which nobody gave them.
    return (*service, route if kind else DEFAULT, kind, name, namespace, port)

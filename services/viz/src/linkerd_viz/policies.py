"""Success, requests and refusals by what inbound policy is made of: Servers, routes and authorizations.

As the proxies behind them count, whose pods are in the resource's namespace. What had no traffic has no row: proxies
tell of policies by name, and the API server is asked for none. Default policies are no resources.
"""

from collections.abc import Iterable, Iterator

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import StatResponse, StatRow
from linkerd_viz.edges import unscraped
from linkerd_viz.families import AUTHZ_DENY, INBOUND, LATENCY, RESPONSES, Want
from linkerd_viz.figures import Figures
from linkerd_viz.inventory import Inventory, meshed_pods
from linkerd_viz.measurements import Measurements, Reading, Window
from linkerd_viz.query import BadQuery, Query

_PREFIXES = {"server": "srv", "httproute": "route", "serverauthorization": "authz", "authorizationpolicy": "authz"}
POLICY_KINDS = tuple(_PREFIXES)
_REFUSING = ("server", "httproute")
"""An authorization only ever lets in."""
_WANTS = tuple(Want(family, INBOUND) for family in (RESPONSES, LATENCY, AUTHZ_DENY))


async def stat_policies(measurements: Measurements, inventory: Inventory, query: Query) -> StatResponse:
    """A row for each resource of the kind that had traffic. Raises BadQuery, BadWindow, Unavailable."""
    kind, subject = query.subject.kind, query.subject
    for side, given in (("to", query.destination), ("from", query.source), ("selector", query.selector)):
        if given is not None:
            raise BadQuery(f"{side}: of no use with kind {kind}")
    pods = [pod for pod in meshed_pods(inventory) if subject.namespace in (None, pod.metadata.namespace)]
    window = Window(measurements.now(), query.window_seconds)
    (readings,) = await measurements.read({pod.metadata.key for pod in pods}, _WANTS, [window])
    found: dict[tuple[str, str], _Sums] = {}
    for pod in pods:
        namespace = pod.metadata.namespace
        for name, reading in _of_kind(kind, readings.get(pod.metadata.key, ())):
            if subject.names(namespace, name):
                sums = found.get((namespace, name)) or found.setdefault((namespace, name), _Sums())
                sums.add(reading)
    rows = [sums.row(namespace, kind, name) for (namespace, name), sums in sorted(found.items())]
    return StatResponse(rows, round(query.window_seconds), await unscraped(measurements, pods))


class _Sums:
    def __init__(self) -> None:
        self.figures = Figures()
        self.denied = 0.0

    def add(self, reading: Reading) -> None:
        series, value = reading
        if series.family == AUTHZ_DENY:
            self.denied += value
        else:
            self.figures.add(reading)

    def row(self, namespace: str, kind: str, name: str) -> StatRow:
        figures, (p50, p95, p99) = self.figures, self.figures.quantiles
        return StatRow(
            namespace=namespace,
            kind=kind,
            name=name,
            success=figures.success,
            rps=figures.rps,
            latency_p50=p50,
            latency_p95=p95,
            latency_p99=p99,
            denied_rps=self.denied if kind in _REFUSING else None,
        )


def _of_kind(kind: str, readings: Iterable[Reading]) -> Iterator[tuple[str, Reading]]:
    prefix = _PREFIXES[kind]
    for reading in readings:
        name = _name(reading[0].labels, prefix, kind)
        if name:
            yield name, reading


def _name(labels: Labels, prefix: str, kind: str) -> str:
    return labels.get(f"{prefix}_name", "") if labels.get(f"{prefix}_kind", "").lower() == kind else ""

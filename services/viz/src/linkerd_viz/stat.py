"""Success rate, requests, latencies and connections of resources. PURE.

Figures are of the inbound side of the pods behind a resource. Rates are over the time really covered by scrapes, pod
by pod. What was not measured is None: no series at all, less than two scrapes, no request to judge.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from linkerd_contract.viz import StatResponse, StatRow
from linkerd_viz.edges import dependencies, live_pods, unscraped
from linkerd_viz.families import LATENCY, RESPONSES, TCP_OPEN, TCP_READ, TCP_WRITE, inbound
from linkerd_viz.inventory import Group, Inventory, Pod, groups
from linkerd_viz.quantile import histogram_quantile
from linkerd_viz.store import Store, View


@dataclass(frozen=True, slots=True)
class StatQuery:
    """None means all. `unmeshed`: also resources without a meshed pod."""

    kind: str
    namespace: str | None
    name: str | None
    window_seconds: float
    unmeshed: bool = False


@dataclass(slots=True)
class _Figures:
    """Sums over pods; None until something was measured. `buckets` are rates by upper bound."""

    successes: float | None = None
    failures: float | None = None
    rps: float | None = None
    open: float | None = None
    read: float | None = None
    written: float | None = None
    buckets: dict[float, float] | None = None

    def add(self, view: View) -> None:
        """One pod."""
        for series in view.series:
            labels = series.labels
            if not inbound(labels):
                continue
            if series.name == TCP_OPEN:
                if (value := view.latest(series)) is not None:
                    self.open = (self.open or 0.0) + value
                continue
            if view.span <= 0:
                continue
            increase = view.increase(series)
            rate = increase / view.span
            if series.name == RESPONSES:
                self.rps = (self.rps or 0.0) + rate
                if labels.get("classification") == "failure":
                    self.failures = (self.failures or 0.0) + increase
                else:
                    self.successes = (self.successes or 0.0) + increase
            elif series.name == LATENCY:
                self.buckets = self.buckets if self.buckets is not None else {}
                bound = float(labels.get("le", "nan"))
                self.buckets[bound] = self.buckets.get(bound, 0.0) + rate
            elif series.name == TCP_READ:
                self.read = (self.read or 0.0) + rate
            elif series.name == TCP_WRITE:
                self.written = (self.written or 0.0) + rate

    @property
    def success(self) -> float | None:
        """Successes of all that were answered."""
        total = (self.successes or 0.0) + (self.failures or 0.0)
        return (self.successes or 0.0) / total if total > 0 else None

    def quantile(self, q: float) -> float | None:
        """Of the latency, in milliseconds."""
        return None if self.buckets is None else histogram_quantile(q, self.buckets)


def stat(store: Store, inventory: Inventory, query: StatQuery, now: float) -> StatResponse:
    """A row for each resource that the query names."""
    live = live_pods(inventory)
    selected = list(_selected(inventory, query))
    rows = [_row(group, store, query, now, live) for group in selected]
    return StatResponse(
        rows,
        round(query.window_seconds),
        unscraped(store, [pod for group in selected for pod in group.pods]),
    )


def _selected(inventory: Inventory, query: StatQuery) -> Iterator[Group]:
    for group in groups(inventory, query.kind):
        namespace = group.name if query.kind == "namespace" else group.namespace
        if query.namespace not in (None, namespace) or query.name not in (None, group.name):
            continue
        # A resource asked for by name is shown whatever it is.
        if query.unmeshed or query.name is not None or any(_meshed(pod) for pod in group.pods):
            yield group


def _meshed(pod: Pod) -> bool:
    return pod.proxy is not None


def _row(group: Group, store: Store, query: StatQuery, now: float, live: set[tuple[str, str]]) -> StatRow:
    figures = _Figures()
    views = [store.view(pod.metadata.key, now, query.window_seconds) for pod in group.pods if _meshed(pod)]
    for view in views:
        figures.add(view)
    return StatRow(
        namespace=group.namespace,
        kind=group.kind,
        name=group.name,
        status=group.pods[0].status.phase if group.kind == "pod" else "",
        meshed=sum(_meshed(pod) for pod in group.pods),
        total=len(group.pods),
        success=figures.success,
        rps=figures.rps,
        latency_p50=figures.quantile(0.5),
        latency_p95=figures.quantile(0.95),
        latency_p99=figures.quantile(0.99),
        tcp_open_connections=None if figures.open is None else round(figures.open),
        tcp_read_bytes_rate=figures.read,
        tcp_write_bytes_rate=figures.written,
        dependencies=dependencies(views, live),
    )

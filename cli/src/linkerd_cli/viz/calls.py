"""Calls that a tap has seen, counted by who called whom and how. PURE."""

from collections import OrderedDict
from typing import NamedTuple

from linkerd_cli.table import table
from linkerd_contract.tap import TapDirection, TapEvent, TapPeer

MAX_OPEN = 10_000
MAX_ROWS = 2_000
_NONE = "-"


class Call(NamedTuple):
    """What is counted together."""

    source: str
    destination: str
    method: str
    path: str


class Row:
    """Latencies in microseconds, from the request's head to the end of the response."""

    def __init__(self) -> None:
        self.count = self.good = 0
        self.best = self.worst = self.last = 0

    def add(self, micros: int, good: bool) -> None:
        """One call."""
        self.best = min(self.best, micros) if self.count else micros
        self.worst = max(self.worst, micros)
        self.last = micros
        self.count += 1
        self.good += good


class Calls:
    """Fed with events; open requests and rows are bounded, the oldest go first."""

    def __init__(self, *, sources: bool = True, routes: bool = False) -> None:
        """`routes`: by the route's name instead of method and path."""
        self._sources = sources
        self._routes = routes
        self._open: OrderedDict[tuple[int, int], tuple[Call, int]] = OrderedDict()
        self._rows: dict[TapDirection, OrderedDict[Call, Row]] = {}

    def add(self, event: TapEvent) -> None:
        """One event."""
        key = (event.base, event.stream)
        if event.request_init is not None:
            self._open[key] = (self._call(event), 0)
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)
        elif event.response_init is not None and key in self._open:
            self._open[key] = (self._open[key][0], event.response_init.http_status)
        elif (end := event.response_end) is not None and (found := self._open.pop(key, None)) is not None:
            call, status = found
            good = end.reset_code is None and 0 < status < 500 and not end.grpc_status
            rows = self._rows.setdefault(event.direction, OrderedDict())
            rows.setdefault(call, Row()).add(end.since_request_init_us, good)
            rows.move_to_end(call)
            if len(rows) > MAX_ROWS:
                rows.popitem(last=False)

    def rows(self) -> list[tuple[Call, Row]]:
        """The most frequent first. A call that both of its proxies have seen is counted once, by its client's."""
        outbound = self._rows.get(TapDirection.outbound, OrderedDict())
        inbound = self._rows.get(TapDirection.inbound, OrderedDict())
        found = [*outbound.items(), *((call, row) for call, row in inbound.items() if call not in outbound)]
        return sorted(found, key=lambda item: (-item[1].count, item[0]))

    def text(self, limit: int | None = None) -> str:
        """Linkerd's columns."""
        source = ["Source"] * self._sources
        what = ["Route"] if self._routes else ["Method", "Path"]
        header = [*source, "Destination", *what, "Count", "Best", "Worst", "Last", "Success Rate"]
        lines = []
        for call, row in self.rows()[:limit]:
            cells = [call.source] * self._sources + [call.destination]
            cells += [call.path] if self._routes else [call.method, call.path]
            cells += [str(row.count), *(_time(t) for t in (row.best, row.worst, row.last))]
            lines.append([*cells, f"{row.good / row.count * 100:.2f}%"])
        return table(header, lines, len(header) - 5)

    def _call(self, event: TapEvent) -> Call:
        init = event.request_init
        assert init is not None
        source = _name(event.source) if self._sources else ""
        if self._routes:
            return Call(source, _name(event.destination), "", _route(event.route_labels))
        return Call(source, _name(event.destination), init.method, init.path.partition("?")[0])


def _route(labels: dict[str, str]) -> str:
    """A ServiceProfile's route, or the HTTPRoute or GRPCRoute; default routes have no name that anybody gave them."""
    named = labels.get("name") if labels.get("kind", "default") != "default" else None
    return labels.get("route") or named or "[DEFAULT]"


def _name(peer: TapPeer) -> str:
    return peer.metadata.get("pod") or peer.ip or _NONE


def _time(micros: int) -> str:
    if micros < 1000:
        return f"{micros}µs"
    return f"{micros / 1000:.0f}ms" if micros < 1_000_000 else f"{micros / 1_000_000:.1f}s"

"""What inbound policy let in and what it refused, by server, route and authorization, as the servers' proxies count."""

from collections.abc import Iterable

from linkerd_contract.exposition import Labels
from linkerd_contract.viz import AuthzResponse, AuthzRow
from linkerd_viz.edges import unscraped
from linkerd_viz.families import AUTHZ_ALLOW, AUTHZ_DENY, INBOUND, LATENCY, RESPONSES, Want, short_identity
from linkerd_viz.figures import Figures
from linkerd_viz.inventory import Inventory
from linkerd_viz.measurements import Measurements, Reading, Window
from linkerd_viz.query import Query, selected

UNAUTHENTICATED = "unauthenticated"
_MAX_CLIENTS = 20
_WANTS = tuple(Want(family, INBOUND) for family in (RESPONSES, LATENCY, AUTHZ_ALLOW, AUTHZ_DENY))
Key = tuple[str, str, str, str]
"""Namespace, server, route, authorization ("": denied)."""


async def authz(measurements: Measurements, inventory: Inventory, query: Query) -> AuthzResponse:
    """Rows of the servers in front of the pods that the query names. Raises BadWindow, Unavailable."""
    measurements.check_window(query.window_seconds, per_pod=True)
    pods = {pod.metadata.key: pod for group in selected(inventory, query) for pod in group.meshed}
    (readings,) = await measurements.read(set(pods), _WANTS, [Window(measurements.now(), query.window_seconds)])
    found: dict[Key, _Sums] = {}
    for (namespace, _), one in readings.items():
        _add(found, namespace, one)
    rows = [row for key, sums in sorted(found.items()) if (row := sums.row(key)) is not None]
    return AuthzResponse(rows, await unscraped(measurements, pods.values()))


class _Sums:
    def __init__(self) -> None:
        self.figures = Figures()
        self.denied = 0.0
        self.clients: dict[str, float] = {}

    def row(self, key: Key) -> AuthzRow | None:
        namespace, server, route, authorization = key
        denied = not authorization
        if denied and self.denied <= 0:
            return None
        p50, p95, p99 = self.figures.quantiles
        clients = sorted((c for c, rate in self.clients.items() if rate > 0), key=lambda c: (-self.clients[c], c))
        return AuthzRow(
            route=route,
            server=server,
            authorization=authorization,
            namespace=namespace,
            success=None if denied else self.figures.success,
            rps=None if denied else self.figures.rps,
            denied_rps=self.denied if denied else None,
            latency_p50=None if denied else p50,
            latency_p95=None if denied else p95,
            latency_p99=None if denied else p99,
            clients=clients[:_MAX_CLIENTS],
        )


def _add(found: dict[Key, _Sums], namespace: str, readings: Iterable[Reading]) -> None:
    for reading in readings:
        series, value = reading
        labels, family = series.labels, series.family
        server = _name(labels, "srv", bare="server")
        if not server:
            continue
        authorization = "" if family == AUTHZ_DENY else _name(labels, "authz")
        if not authorization and family != AUTHZ_DENY:
            # The refusal's own answer, or a page of a proxy that names no authorization.
            continue
        route = _name(labels, "route", bare="httproute") or "default"
        key = (namespace, server, route, authorization)
        sums = found.get(key) or found.setdefault(key, _Sums())
        if family in (AUTHZ_ALLOW, AUTHZ_DENY):
            client = short_identity(labels.get("client_id", "")) or UNAUTHENTICATED
            sums.clients[client] = sums.clients.get(client, 0.0) + value
            sums.denied += value if family == AUTHZ_DENY else 0.0
        else:
            sums.figures.add(reading)


def _name(labels: Labels, prefix: str, bare: str = "") -> str:
    """As Linkerd prints: "kind/name", "default:NAME", and the name alone for the kind that a column is of."""
    kind, name = labels.get(f"{prefix}_kind", "").lower(), labels.get(f"{prefix}_name", "")
    if not name:
        return ""
    if kind == "default":
        return name if prefix == "route" else f"default:{name}"
    return name if kind in ("", bare) else f"{kind}/{name}"

"""A metrics API with a mesh made up: emojivoto, a canary, a shop with an unmeshed and an unscraped part.

Documents are the contract's own types, so their shape cannot drift from it. `answers` replaces documents by path.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from aiohttp import web

from linkerd_contract import viz
from linkerd_contract.codec import decode, encode
from linkerd_contract.problem import Problem
from linkerd_contract.tap import TapDirection, TapEvent, TapPeer, TapRequestInit, TapResponseEnd, TapResponseInit
from linkerd_runtime.process import serve
from linkerd_viz.web import add_dashboard

# (namespace, kind, name): success, rps, p50, p95, p99; None: not measured.
Figures = tuple[float | None, float | None, float | None, float | None, float | None]
WORKLOADS: dict[tuple[str, str, str], Figures] = {
    ("emojivoto", "deployment", "emoji"): (1.0, 3.9, 1.2, 2.4, 3.8),
    ("emojivoto", "deployment", "vote-bot"): (None, 0.0, None, None, None),
    ("emojivoto", "deployment", "voting"): (0.862, 2.1, 1.4, 3.1, 9.2),
    ("emojivoto", "deployment", "web"): (0.938, 4.2, 6.8, 14.0, 31.0),
    ("shop", "deployment", "api"): (0.9996, 412.0, 4.1, 19.0, 48.0),
    ("shop", "deployment", "cart"): (0.972, 88.4, 7.7, 41.0, 1250.0),
    ("shop", "deployment", "frontend"): (0.999, 130.2, 11.0, 62.0, 140.0),
    ("shop", "deployment", "legacy"): (None, None, None, None, None),
    ("shop", "deployment", "search"): (None, None, None, None, None),
    ("shop", "statefulset", "orders-db"): (1.0, 36.0, 2.2, 8.0, 12.0),
}
CALLS = [
    ("emojivoto/deployment/vote-bot", "emojivoto/deployment/web", 0.938, 4.2, ""),
    ("emojivoto/deployment/web", "emojivoto/deployment/emoji", 1.0, 3.9, ""),
    ("emojivoto/deployment/web", "emojivoto/deployment/voting", 0.862, 2.1, ""),
    ("shop/deployment/frontend", "shop/deployment/api", 0.9996, 400.0, ""),
    ("shop/deployment/frontend", "shop/deployment/search", None, None, ""),
    ("shop/deployment/api", "shop/deployment/cart", 0.972, 88.4, ""),
    ("shop/deployment/api", "shop/statefulset/orders-db", 1.0, 20.0, ""),
    ("shop/deployment/cart", "shop/statefulset/orders-db", 1.0, 16.0, ""),
    ("shop/deployment/cart", "shop/deployment/api", 1.0, 12.0, ""),
    ("shop/deployment/api", "emojivoto/deployment/emoji", None, 0.0, "not_provided_by_service_discovery"),
]
CONTROL_PLANE = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")
Answer = Callable[[dict[str, str]], object]


def _row(key: tuple[str, str, str], figures: Figures, **more: object) -> viz.StatRow:
    namespace, kind, name = key
    meshed = 0 if name == "legacy" else 1
    success, rps, p50, p95, p99 = figures
    tcp = (None, None, None) if rps is None else (3, rps * 310.0, rps * 2900.0)
    row = viz.StatRow(namespace, kind, name, "", meshed, 1, success, rps, p50, p95, p99, *tcp)
    return decode(encode({**decode(encode(row), dict), **more}), viz.StatRow)


class FakeMesh:
    """`down` answers 503 with a problem; `empty` has pods of a control plane and nothing else."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: list[str] = []
        self.tapped: list[viz.TapQuery] = []
        self.events: list[TapEvent] | None = None
        self.down = False
        self.empty = False
        self.open = asyncio.Event()
        """Nothing is answered while it is not set."""
        self.open.set()

    @property
    def workloads(self) -> dict[tuple[str, str, str], Figures]:
        """What there is."""
        return {} if self.empty else WORKLOADS

    def document(self, path: str, query: dict[str, str]) -> object:
        """The answer to one question."""
        made: dict[str, Answer] = {
            viz.STAT_PATH: self._stat,
            viz.EDGES_PATH: self._edges,
            viz.GRAPH_PATH: self._graph,
            viz.ROUTES_PATH: self._routes,
            viz.AUTHZ_PATH: self._authz,
            viz.PODS_PATH: self._pods,
            viz.HISTORY_PATH: self._history,
            viz.CERTIFICATES_PATH: self._certificates,
        }
        return self.answers.get(path) or made[path](query)

    def _of(self, query: dict[str, str]) -> dict[tuple[str, str, str], Figures]:
        return {
            key: figures
            for key, figures in self.workloads.items()
            if key[1] == query["kind"]
            and query.get("namespace") in (None, key[0])
            and query.get("name") in (None, key[2])
            and (key[2] != "legacy" or query.get("unmeshed") or query.get("name"))
        }

    def _stat(self, query: dict[str, str]) -> viz.StatResponse:
        if query["kind"] == "trafficsplit":
            return viz.StatResponse([] if self.empty else _split())
        if query["kind"] == "namespace":
            names = sorted({key[0] for key in self.workloads})
            return viz.StatResponse([_row(("", "namespace", n), (0.981, 10.2, 3.0, 12.0, 28.0)) for n in names])
        if side := next((s for s in ("from", "to") if f"{s}_kind" in query), None):
            return viz.StatResponse(list(self._sides(query, side)))
        return viz.StatResponse([_row(key, figures) for key, figures in self._of(query).items()])

    def _sides(self, query: dict[str, str], side: str) -> list[viz.StatRow]:
        me = f"{query[f'{side}_namespace']}/{query[f'{side}_kind']}/{query[f'{side}_name']}"
        rows = []
        for source, destination, success, rps, _ in CALLS:
            mine, other = (source, destination) if side == "from" else (destination, source)
            namespace, kind, name = other.split("/")
            if mine == me and kind == query["kind"]:
                rows.append(_row((namespace, kind, name), (success, rps, 2.0, 7.0, 19.0)))
        return rows

    def _edges(self, query: dict[str, str]) -> viz.EdgesResponse:
        suffix = "-0" if query["kind"] == "pod" else ""
        rows = []
        for source, destination, _, _, reason in [] if self.empty else CALLS:
            (src_ns, src_kind, src), (dst_ns, dst_kind, dst) = source.split("/"), destination.split("/")
            if query.get("namespace") in (None, src_ns, dst_ns) and query["kind"] in ("pod", src_kind, dst_kind):
                ids = ("", "") if reason else (f"{src}.{src_ns}", f"{dst}.{dst_ns}")
                rows.append(viz.EdgeRow(src + suffix, src_ns, dst + suffix, dst_ns, *ids, reason))
        return viz.EdgesResponse(rows)

    def _graph(self, query: dict[str, str]) -> viz.GraphResponse:
        rows = []
        for source, destination, success, rps, reason in [] if self.empty else CALLS:
            (src_ns, src_kind, src), (dst_ns, dst_kind, dst) = source.split("/"), destination.split("/")
            if query.get("namespace") in (None, src_ns, dst_ns):
                ids = ("", "") if reason else (f"{src}.{src_ns}", f"{dst}.{dst_ns}")
                ends = (src_kind, src_ns, src, dst_kind, dst_ns, dst)
                rows.append(viz.GraphRow(*ends, *ids, reason, success, rps, 2.0, 7.0, 19.0))
        return viz.GraphResponse(rows)

    def _routes(self, query: dict[str, str]) -> viz.RoutesResponse:
        if query.get("name") not in ("web", "voting"):
            return viz.RoutesResponse()
        route = "POST /emojivoto.v1.VotingService/VoteDoughnut"
        return viz.RoutesResponse(
            [
                viz.RouteRow(route, "voting", 0.93, 0.8, 0.52, 1.5, 2.0, 9.0, 18.0),
                viz.RouteRow("[DEFAULT]", "voting", 1.0, 1.3, 1.0, 1.3, 1.1, 2.0, 3.0),
            ]
        )

    def _authz(self, query: dict[str, str]) -> viz.AuthzResponse:
        if self.empty or query.get("name") not in (None, "emojivoto", "voting", "shop"):
            return viz.AuthzResponse()
        policy = "authorizationpolicy/voting-grpc"
        return viz.AuthzResponse(
            [
                viz.AuthzRow("default", "voting-grpc", "", "emojivoto", denied_rps=0.4, clients=["vote-bot.emojivoto"]),
                viz.AuthzRow(
                    *("default", "voting-grpc", policy, "emojivoto", 0.86, 2.1, None, 1.4, 3.1, 9.2, ["web.emojivoto"])
                ),
                viz.AuthzRow(
                    *("httproute/read", "api-http", "authorizationpolicy/readers", "shop", 0.999, 380.0, None),
                    *(4.0, 18.0, 44.0, [f"client-{n}.shop" for n in range(7)]),
                ),
            ]
        )

    def _pods(self, query: dict[str, str]) -> viz.PodsResponse:
        rows = [viz.PodRow("linkerd", f"{name}-0", f"deployment/{name}", "Running") for name in CONTROL_PLANE] + [
            viz.PodRow("linkerd-viz", "metrics-api-0", "deployment/metrics-api", "Running")
        ]
        for namespace, kind, name in self.workloads:
            meshed = name != "legacy"
            failure = "HTTP 503: Service Unavailable" if name == "search" else ""
            version = "0.1.0" if meshed else ""
            workload = f"{kind}/{name}"
            rows.append(viz.PodRow(namespace, f"{name}-0", workload, "Running", meshed, meshed, version, failure))
        return viz.PodsResponse(sorted(rows, key=lambda row: (row.namespace, row.name)))

    def _history(self, query: dict[str, str]) -> viz.HistoryResponse:
        times = [1000.0 + 10 * step for step in range(60)]

        def wave(value: float | None, seed: int, spread: float = 0.3) -> list[float | None]:
            if value is None:
                return [None] * len(times)
            points = [value * (1 + spread * math.sin(seed + step / 5) * math.cos(step / 3)) for step in range(60)]
            return [None if seed % 3 == 0 and 20 <= step < 26 else point for step, point in enumerate(points)]

        def rate(value: float | None, seed: int) -> list[float | None]:
            return [None if point is None else min(1.0, point) for point in wave(value, seed, 0.02)]

        return viz.HistoryResponse(
            [
                viz.History(
                    *(kind, namespace, name, 10.0, times, rate(success, seed), wave(rps, seed)),
                    *(wave(value, seed) for value in latencies),
                )
                for seed, ((namespace, kind, name), (success, rps, *latencies)) in enumerate(self._of(query).items())
            ]
        )

    def _certificates(self, query: dict[str, str]) -> viz.CertificatesResponse:
        def end(**left: float) -> str:
            return (datetime.now(UTC) + timedelta(**left)).strftime("%Y-%m-%dT%H:%M:%SZ")

        rows = [
            viz.CertificateRow("anchor", end(days=3612), "root.linkerd.cluster.local"),
            viz.CertificateRow("issuer", end(days=41), "identity.linkerd.cluster.local"),
        ]
        for number, (namespace, _, name) in enumerate(self.workloads):
            rows.append(viz.CertificateRow(f"{namespace}/{name}-0", end(hours=0.5 + 3 * number), f"{name}.{namespace}"))
        return viz.CertificatesResponse(rows)


def _split() -> list[viz.StatRow]:
    key = ("emojivoto", "trafficsplit", "web-split")
    return [
        _row(key, (0.941, 3.3, 6.0, 14.0, 30.0), apex="web-svc", leaf="web-svc-v1", weight="80"),
        _row(key, (1.0, 0.9, 5.0, 9.0, 12.0), apex="web-svc", leaf="web-svc-v2", weight="20"),
    ]


def exchange(stream: int, path: str = "/api/vote?choice=:doughnut:", status: int = 200) -> list[TapEvent]:
    """A request and its answer, as an inbound proxy tells of them."""
    source = TapPeer("10.42.0.5", 40000 + stream % 100, {"deployment": "vote-bot", "namespace": "emojivoto"})
    destination = TapPeer("10.42.0.7", 8080, {"deployment": "web", "tls": "true"})
    request = TapRequestInit("GET", "http", "web-svc.emojivoto:80", path)
    ends = (source, destination, 1, stream)
    return [
        TapEvent(TapDirection.inbound, *ends, request_init=request),
        TapEvent(TapDirection.inbound, *ends, response_init=TapResponseInit(1900, status)),
        TapEvent(TapDirection.inbound, *ends, response_end=TapResponseEnd(2300, 400, 1520)),
    ]


@asynccontextmanager
async def fake_mesh(port: int = 0) -> AsyncIterator[tuple[FakeMesh, str]]:
    """The mesh and the dashboard's address."""
    mesh = FakeMesh()
    leaving = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        mesh.asked.append(request.path_qs)
        await mesh.open.wait()
        if mesh.down:
            problem = Problem("Measurements unavailable", 503, "unavailable", "http://prometheus:9090: refused")
            return web.Response(body=encode(problem), status=503, content_type="application/problem+json")
        document = mesh.document(request.path, dict(request.query))
        return web.Response(body=encode(document), content_type="application/json")

    async def tap(request: web.Request) -> web.StreamResponse:
        mesh.tapped.append(decode(await request.read(), viz.TapQuery))
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        stream = 0
        with suppress(ConnectionError):  # the page has seen enough
            while not leaving.is_set():
                events = mesh.events or exchange(stream, status=500 if stream % 7 == 3 else 200)
                await response.write(b"".join(encode(event) + b"\n" for event in events) + b"\n")
                stream += 1
                await asyncio.sleep(0.02)
        return response

    app = web.Application()
    app.router.add_get("/api/v1/{name}", answer)
    app.router.add_post(viz.TAP_PATH, tap)
    add_dashboard(app)
    runner = await serve(app, "127.0.0.1", port)
    try:
        yield mesh, f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        leaving.set()
        mesh.open.set()
        await runner.cleanup()

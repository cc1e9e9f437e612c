"""Routes with features: what the application sees, and what its endpoint does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, PATIENT_MS, SERVICE, Sidecar, document, pair, sidecar

from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionTrace, ProxyErrorLine
from linkerd_contract.matching import Fault, Filter, FilterType, HeaderModifier, HeaderValue, Redirect, StatusRange
from linkerd_contract.outbound import Backoff, ProtocolHint, Retry, RetryBudget, Route, Timeouts, WeightedBackend
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

Seen = list[tuple[str, bytes]]
SERVER_ERRORS = [StatusRange(500, 599)]


@asynccontextmanager
async def scripted(statuses: Sequence[int], seen: Seen, *, slow: float = 0.0) -> AsyncIterator[tuple[str, int]]:
    """Answers with these statuses in turn, the last one for ever; 0 is no answer at all."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line, fields = await apps.read_head(reader)
            body = await apps.read_body(reader, fields) if len(fields.keys() & {"content-length"}) else b""
            status = statuses[min(len(seen), len(statuses) - 1)]
            seen.append((line, body))
            if not status:
                await asyncio.sleep(apps.DEADLINE)
                return
            await asyncio.sleep(slow)
            writer.write(b"HTTP/1.1 %d X\r\nx-try: %d\r\ncontent-length: 2\r\n\r\nok" % (status, len(seen)))
            await writer.drain()

    async with apps.server(handle) as addr:
        yield addr


def serve(proxy: Sidecar, app: tuple[str, int], route: Route, profile: str | None = None) -> None:
    known = document([Addr(*app)], identity=None, hint=ProtocolHint.none)
    route = msgspec.structs.replace(route, backends=[WeightedBackend("all")])
    proxy.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route], profile=profile))


def headers(kind: FilterType, name: str) -> Filter:
    return Filter(kind, headers=HeaderModifier(set=[HeaderValue(name, "new")], remove=["x-gone"]))


@on_uvloop
async def test_headers_of_requests_and_responses_change(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        filters = [headers(FilterType.request_headers, "in"), headers(FilterType.response_headers, "out")]
        serve(proxy, app, Route(filters=filters))
        async with apps.client(proxy.outbound) as client:
            for _ in range(2):
                got = await client.get(x_gone="1")
                assert (got.fields["x-in"], got.fields["out"]) == ("new", "new")
                assert "x-x-gone" not in got.fields
            body = await client.ask(b"POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 3\r\n\r\nabc")
            assert body.body == b"POST / HTTP/1.1|abc"


@on_uvloop
async def test_redirects_and_faults_answer_for_the_endpoint(tmp_path: Path) -> None:
    seen: Seen = []
    async with (
        scripted([200], seen) as app,
        sidecar(None, tmp_path, CLIENT) as proxy,
        apps.client(proxy.outbound) as client,
    ):
        serve(proxy, app, Route(filters=[Filter(FilterType.redirect, redirect=Redirect(host="b", status=301))]))
        got = await client.get("/x?y=1")
        assert (got.status, got.fields["location"]) == (301, "http://b/x?y=1")
        serve(proxy, app, Route(filters=[Filter(FilterType.abort, fault=Fault(http_status=418, message="tea"))]))
        got = await client.get()
        line = ProxyErrorLine.parse(got.fields["l5d-proxy-error"])
        assert (got.status, line.message, line.code) == (418, "tea", "injected failure")
        assert not seen
        (injected,) = decode(proxy.runtime.decisions.all(), list[DecisionTrace])
        assert (injected.id, [step.stage for step in injected.steps]) == (line.id, ["discover", "route", "filter"])
        serve(proxy, app, Route(filters=[Filter(FilterType.delay, fault=Fault(delay_ms=100))]))
        started = asyncio.get_running_loop().time()
        assert (await client.get()).status == 200
        assert asyncio.get_running_loop().time() - started >= 0.099


@pytest.mark.parametrize("method", ["GET", "POST"])
@on_uvloop
async def test_failures_are_sent_again_with_their_body(tmp_path: Path, method: str) -> None:
    seen: Seen = []
    async with scripted([503, 500, 200], seen) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(proxy, app, Route(retry=Retry(statuses=SERVER_ERRORS, limit=2, backoff=Backoff(1, 2))))
        async with apps.client(proxy.outbound) as client:
            got = await client.ask(f"{method} / HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody".encode())
            assert (got.status, got.fields["x-try"], got.body) == (200, "3", b"ok")
        assert seen == [(f"{method} / HTTP/1.1", b"body")] * 3
        assert proxy.sample("request_total", 'direction="outbound"') == 3


@on_uvloop
async def test_limit_and_body_size_bound_retries(tmp_path: Path) -> None:
    seen: Seen = []
    async with (
        scripted([503], seen) as app,
        sidecar(None, tmp_path, CLIENT) as proxy,
        apps.client(proxy.outbound) as client,
    ):
        serve(proxy, app, Route(retry=Retry(statuses=SERVER_ERRORS, limit=1)))
        assert (await client.get()).status == 503
        assert len(seen) == 2
        big = b"x" * 70_000
        head = b"PUT / HTTP/1.1\r\nHost: v\r\nContent-Length: %d\r\n\r\n" % len(big)
        assert (await client.ask(head + big)).status == 503
        assert seen[2:] == [("PUT / HTTP/1.1", big)]


@on_uvloop
async def test_a_budget_bounds_retries_and_is_counted(tmp_path: Path) -> None:
    seen: Seen = []
    budget = RetryBudget(ratio=1.0, min_per_second=0, ttl_ms=10_000)
    async with scripted([500], seen) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(proxy, app, Route(name="r", retry=Retry(on_failure=True, budget=budget), labels={"route": "r"}), "p")
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 500
        assert len(seen) == 2
        assert proxy.sample("route_retryable_total", 'skipped="no_budget"', 'rt_route="r"') == 1
        assert proxy.sample("route_request_total", 'dst="voting-svc.emojivoto.svc.cluster.local:80"') == 1
        assert proxy.sample("route_actual_request_total") == 2
        assert proxy.sample("route_response_total", 'status_code="500"', 'classification="failure"') == 1
        assert proxy.sample("route_actual_response_total", 'status_code="500"') == 2


@on_uvloop
async def test_routes_of_a_profile_tell_the_logical_name(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy, apps.client(proxy.outbound) as client:
        for profile, expected in (("p", "voting-svc.emojivoto.svc.cluster.local:80"), (None, "spoofed")):
            serve(proxy, app, Route(timeouts=Timeouts(request_ms=PATIENT_MS)), profile)
            for _ in range(2):
                got = await client.get(l5d_dst_canonical="spoofed", l5d_dst_override="x")
                assert got.fields["x-l5d-dst-canonical"] == expected
                assert "x-l5d-dst-override" not in got.fields


@on_uvloop
async def test_injected_faults_are_retried_without_nesting(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        fault = Filter(FilterType.abort, fault=Fault(http_status=503))
        serve(proxy, app, Route(filters=[fault], retry=Retry(statuses=SERVER_ERRORS, limit=2000)), "p")
        async with apps.client(proxy.outbound) as client:
            assert (await client.get()).status == 503
        assert proxy.sample("route_actual_request_total") == 2001


@pytest.mark.parametrize(
    ("timeouts", "close"),
    [
        (Timeouts(request_ms=60), False),
        (Timeouts(response_ms=60), False),
        (Timeouts(idle_ms=60), False),
        (Timeouts(profile_ms=60), True),
    ],
)
@on_uvloop
async def test_timeouts_are_504(tmp_path: Path, timeouts: Timeouts, close: bool) -> None:
    seen: Seen = []
    async with scripted([0], seen) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(proxy, app, Route(timeouts=timeouts))
        async with apps.client(proxy.outbound) as client:
            got = await client.get()
            assert got.status == 504
            assert (got.fields.get("connection") == "close") is close
        await eventually(lambda: proxy.sample("tcp_open_connections", 'peer="dst"') == 0)


@on_uvloop
async def test_a_slow_try_is_given_up_for_another(tmp_path: Path) -> None:
    seen: Seen = []
    async with scripted([0, 200], seen) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        # More tries than it takes: on a machine that stands still one may run out before it is sent, or answered.
        serve(proxy, app, Route(retry=Retry(statuses=SERVER_ERRORS, limit=50, per_try_timeout_ms=50)))
        async with apps.client(proxy.outbound) as client:
            got = await client.get()
            assert (got.status, int(got.fields["x-try"])) == (200, len(seen))
            assert len(seen) >= 2


@on_uvloop
async def test_retries_and_filters_over_a_meshed_pair(tmp_path: Path) -> None:
    seen: Seen = []
    async with scripted([503, 200], seen) as app, pair(tmp_path, app) as mesh:
        known = document([mesh.server.inbound])
        retry = Retry(statuses=SERVER_ERRORS, limit=1)
        route = Route(retry=retry, filters=[headers(FilterType.response_headers, "out")])
        route = msgspec.structs.replace(route, backends=[WeightedBackend("all")])
        mesh.client.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route]))
        async with apps.client(mesh.addr) as client:
            for number in (2, 3):
                head = b"POST /p HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody"
                got = await client.ask(head)
                assert (got.status, got.fields["x-try"], got.fields["out"]) == (200, str(number), "new")


@on_uvloop
async def test_requests_may_ask_for_timeouts_where_the_route_allows_it(tmp_path: Path) -> None:
    seen: Seen = []
    async with scripted([0], seen) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(proxy, app, Route(allow_request_overrides=True))
        async with apps.client(proxy.outbound) as client:
            assert (await client.get(l5d_timeout="50ms")).status == 504


@on_uvloop
async def test_upgrades_pass_with_the_requests_filters(tmp_path: Path) -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, fields = await apps.read_head(reader)
        writer.write(b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: e\r\n\r\n" + fields["in"].encode())
        while data := await reader.read(100):
            writer.write(data)

    async with apps.server(switch) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(
            proxy,
            app,
            Route(filters=[headers(FilterType.request_headers, "in")], timeouts=Timeouts(idle_ms=PATIENT_MS)),
            "p",
        )
        async with apps.client(proxy.outbound) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: v\r\nConnection: upgrade\r\nUpgrade: e\r\n\r\n")
            line, _ = await apps.read_head(client.reader)
            assert line.startswith("HTTP/1.1 101")
            assert await asyncio.wait_for(client.reader.readexactly(3), apps.DEADLINE) == b"new"
            client.send(b"ping")
            assert await asyncio.wait_for(client.reader.readexactly(4), apps.DEADLINE) == b"ping"


@on_uvloop
async def test_a_stream_that_moves_is_not_idle(tmp_path: Path) -> None:
    """A machine that stands still for as long as the timeout makes the stream idle: such a run says nothing."""
    idle = 0.4
    longest = 0.0

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal longest
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
        now = asyncio.get_running_loop().time
        longest, before = 0.0, now()
        for _ in range(10):
            writer.write(b"x")
            await asyncio.sleep(0.05)
            longest, before = max(longest, now() - before), now()

    async def whole(addr: Addr) -> bool:
        async with apps.client(addr) as client:
            try:
                return (await client.get()).body == b"x" * 10
            except asyncio.IncompleteReadError:
                assert longest > idle / 2, "it was taken for idle though it moved"
                return False

    async with apps.server(drip) as app, sidecar(None, tmp_path, CLIENT) as proxy:
        serve(proxy, app, Route(timeouts=Timeouts(idle_ms=int(idle * 1000))))
        await eventually(lambda: whole(proxy.outbound))

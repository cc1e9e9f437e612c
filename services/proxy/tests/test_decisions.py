"""Failed, denied and retried requests through real sidecars: what the application is told, and the trace behind it."""

import asyncio
from pathlib import Path

import msgspec
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVICE, Sidecar, document, inbound_document, pair, sidecar

from linkerd_contract.codec import decode
from linkerd_contract.explain import DecisionTrace, ProxyErrorLine
from linkerd_contract.inbound import AuthnKind, Authorization
from linkerd_contract.matching import Condition, MatchKind, StatusRange, StringMatch
from linkerd_contract.outbound import ProtocolHint, Retry
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.settings import Addr


def traces(proxy: Sidecar) -> list[DecisionTrace]:
    return decode(proxy.runtime.decisions.all(), list[DecisionTrace])


@on_uvloop
async def test_a_denied_request_names_the_authorization_that_was_wanting(tmp_path: Path) -> None:
    only_friends = Authorization(
        ResourceRef("policy.linkerd.io", "AuthorizationPolicy", "emojivoto", "friends"),
        authn=AuthnKind.tls_authenticated,
        identities=["friend.id"],
    )
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app, inbound=inbound_document(authorization=only_friends)) as mesh,
        apps.client(mesh.addr) as client,
    ):
        answer = await client.get("/secret?token=1", authorization="Bearer x")
        assert answer.status == 403
        line = ProxyErrorLine.parse(answer.fields["l5d-proxy-error"])
        assert (line.code, line.phase, line.peer) == ("unauthorized", "authorization", CLIENT)
        (kept,) = traces(mesh.server)
        assert kept.id == line.id
        assert (kept.direction, kept.method, kept.path) == ("inbound", "GET", "/secret")
        assert [step.stage for step in kept.steps] == ["client", "server", "route", "authorization", "authorization"]
        denied = kept.steps[3]
        assert denied.verdict == "denied"
        assert f"the client is {CLIENT}, and it lets in friend.id" in denied.reason
        assert traces(mesh.client) == []
        assert mesh.server.sample("inbound_http_errors_total", 'error="unauthorized"') == 1


@on_uvloop
async def test_a_refused_endpoint_is_named_with_its_route_and_backend(tmp_path: Path) -> None:
    gone = apps.nobody()
    async with sidecar(None, tmp_path, CLIENT) as proxy, apps.client(proxy.outbound) as client:
        proxy.discovery.set(SERVICE, document([Addr(*gone)], identity=None, hint=ProtocolHint.none))
        line = ProxyErrorLine.parse((await client.get()).fields["l5d-proxy-error"])
        assert (line.code, line.phase, line.peer) == ("i/o", "connect", str(Addr(*gone)))
        (kept,) = traces(proxy)
        assert [step.stage for step in kept.steps] == ["discover", "route", "backend", "endpoint", "connect"]
        assert "refused" in kept.steps[-1].reason
        assert proxy.sample("outbound_http_errors_total", 'error="i/o"') == 1


@on_uvloop
async def test_no_route_is_said_so(tmp_path: Path) -> None:
    async with apps.echo_app() as app, sidecar(None, tmp_path, CLIENT) as proxy:
        known = document([Addr(*app)], identity=None, hint=ProtocolHint.none)
        only_api = [Condition(path=StringMatch("/api", MatchKind.prefix))]
        proxy.discovery.set(
            SERVICE,
            msgspec.structs.replace(known, routes=[msgspec.structs.replace(known.routes[0], matches=only_api)]),
        )
        async with apps.client(proxy.outbound) as client:
            assert (await client.get("/other")).status == 404
            (kept,) = traces(proxy)
            assert (kept.code, kept.steps[1].verdict) == ("route not found", "none")
            assert (await client.get("/api")).status == 200
            assert len(traces(proxy)) == 1


@on_uvloop
async def test_retried_requests_show_every_attempt(tmp_path: Path) -> None:
    answers = iter([b"503", b"502", b"200", b"503", b"503", b"503"])

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 0\r\n\r\n" % next(answers))

    async with (
        apps.server(app) as addr,
        sidecar(None, tmp_path, CLIENT) as proxy,
        apps.client(proxy.outbound) as client,
    ):
        known = document([Addr(*addr)], identity=None, hint=ProtocolHint.none)
        route = msgspec.structs.replace(known.routes[0], retry=Retry(statuses=[StatusRange(500, 599)], limit=2))
        proxy.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route]))
        assert (await client.get()).status == 200
        assert (await client.get()).status == 503
        failed, retried = traces(proxy)
        for kept, verdicts in ((retried, ["503", "502", "200"]), (failed, ["503", "503", "503"])):
            assert (kept.code, kept.attempts, kept.peer) == ("retried", 3, str(Addr(*addr)))
            assert [step.verdict for step in kept.steps if step.stage.startswith("attempt")] == verdicts


@on_uvloop
async def test_a_request_that_is_answered_at_once_leaves_no_trace(tmp_path: Path) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        assert (await client.get()).status == 200
        assert traces(mesh.client) == traces(mesh.server) == []

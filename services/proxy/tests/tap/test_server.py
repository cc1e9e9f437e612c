"""Tap through real mTLS: who may, what is streamed from a pair of sidecars, and what is refused."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, SERVER, SERVICE, Pair, Sidecar, credentials, document, pair

from linkerd_contract import codec
from linkerd_contract.matching import StatusRange
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import Retry
from linkerd_contract.problem import Problem
from linkerd_contract.tap import TAP_PATH, TapEvent, TapMatch, TapRequest
from linkerd_proxy.tap import TapServer
from linkerd_proxy.tap.server import MAX_SESSIONS
from linkerd_runtime import tls
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually

TAP = identity_name("tap", "linkerd-viz")
ALL = TapRequest(limit=100, match=TapMatch())


@asynccontextmanager
async def tap_of(mesh: Pair, proxy: Sidecar, directory: Path, identity: str) -> AsyncIterator[TapServer]:
    server = TapServer(Addr("127.0.0.1", 0), TAP, proxy.runtime.hooks, proxy.runtime.turn)
    server.update(credentials(mesh.authority, directory / "tap" / identity, identity))
    await server.start()
    try:
        yield server
    finally:
        await server.close()


class Viz:
    """A client of tap, with the certificate of `identity`, or none."""

    def __init__(self, mesh: Pair, directory: Path, server: TapServer, name: str, identity: str | None = TAP) -> None:
        paths: tuple[str, str] | tuple[None, None] = (None, None)
        if identity is not None:
            mine = credentials(mesh.authority, directory / "tap" / identity, identity)
            paths = (mine.chain_path, mine.key_path)
        self._context: ssl.SSLContext = tls.client_context(mesh.authority.anchors, *paths)
        self._server = server
        self._name = name

    @asynccontextmanager
    async def post(self, body: bytes, path: str = TAP_PATH) -> AsyncIterator[aiohttp.ClientResponse]:
        url = f"https://{self._server.addr}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, data=body, ssl=self._context, server_hostname=self._name) as response,
        ):
            yield response

    async def problem(self, body: bytes) -> Problem:
        async with self.post(body) as response:
            assert response.content_type == "application/problem+json"
            problem = codec.decode(await response.read(), Problem)
            assert problem.status == response.status
            return problem


async def lines(response: aiohttp.ClientResponse, count: int) -> list[TapEvent]:
    found: list[TapEvent] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            line = await response.content.readline()
            assert line, "the stream ended early"
            if line.strip():
                found.append(codec.decode(line, TapEvent))
    return found


@on_uvloop
async def test_requests_are_seen_on_both_sides_until_the_limit(tmp_path: Path) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.client, tmp_path, CLIENT) as outbound,
        tap_of(mesh, mesh.server, tmp_path, SERVER) as inbound,
        apps.client(mesh.addr) as client,
    ):
        one = codec.encode(TapRequest(limit=1, match=TapMatch(path_prefix="/seen"), headers=True, header_values=True))
        async with (
            Viz(mesh, tmp_path, outbound, CLIENT).post(one) as out,
            Viz(mesh, tmp_path, inbound, SERVER).post(one) as into,
        ):
            assert (out.status, out.content_type) == (200, "application/x-ndjson")
            await client.get("/unseen")
            answer = await client.get("/seen", x_test="1", authorization="Bearer secret")
            init, head, end = await lines(out, 3)
            assert init.request_init is not None
            assert (init.request_init.path, init.request_init.authority) == ("/seen", "voting-svc")
            shown = {h.name: h.value for h in init.request_init.headers}
            assert (shown["x-test"], shown["authorization"]) == ("1", "<redacted>")
            local = client.writer.get_extra_info("sockname")
            assert (init.source.ip, init.source.port) == local[:2]
            assert (init.destination.ip, init.destination.port) == mesh.server.inbound
            assert init.destination.metadata["tls"] == "true"
            assert init.destination.metadata["server_id"] == SERVER
            assert init.destination.metadata["service"] == "voting-svc"
            assert head.response_init is not None
            assert head.response_init.http_status == 200
            assert end.response_end is not None
            assert end.response_end.response_bytes == len(answer.body)
            assert end.response_end.since_request_init_us > 0
            seen, *_ = await lines(into, 3)
            assert seen.direction.value == "inbound"
            assert seen.source.metadata == {"tls": "true", "client_id": CLIENT}
            # The limit is reached: both streams end, and nothing looks at requests any more.
            assert await asyncio.wait_for(out.content.read(), 30) == b""
            assert await asyncio.wait_for(into.content.read(), 30) == b""
        await eventually(lambda: outbound.sessions == 0 and not mesh.client.runtime.hooks.outbound)
        assert (await client.get("/seen")).status == 200


@on_uvloop
async def test_only_the_tap_identity_may(tmp_path: Path) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.server, tmp_path, SERVER) as server,
    ):
        for identity in (CLIENT, SERVER, None):
            problem = await Viz(mesh, tmp_path, server, SERVER, identity).problem(codec.encode(ALL))
            assert (problem.status, problem.code) == (403, "forbidden")
            assert TAP in problem.detail
        # A certificate of another mesh does not even get that far.
        stranger = Viz(mesh, tmp_path, server, SERVER)
        mine = credentials(Authority(), tmp_path / "tap" / TAP, TAP)
        stranger._context.load_cert_chain(mine.chain_path, mine.key_path)
        try:
            async with stranger.post(codec.encode(ALL)) as response:
                raise AssertionError(f"a certificate of another mesh got {response.status}")
        except aiohttp.ClientError:
            pass
        assert server.sessions == 0


@on_uvloop
async def test_bad_requests_are_explained(tmp_path: Path) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.server, tmp_path, SERVER) as server,
    ):
        viz = Viz(mesh, tmp_path, server, SERVER)
        nested = b'{"limit": 1, "match": ' + b'{"not":' * 8000 + b"{}" + b"}" * 8000 + b"}"
        for body, status, code in (
            (b"{", 400, "bad_request"),
            (b"\xff\x00", 400, "bad_request"),
            (b'{"limit": 1}', 400, "bad_request"),
            (b'{"limit": 0, "match": {}}', 400, "bad_match"),
            (b'{"limit": 1, "match": {"sourceCidr": "x"}}', 400, "bad_match"),
            (nested, 400, "bad_request"),
            (b" " * 70_000, 413, "too_large"),
        ):
            problem = await viz.problem(body)
            assert (problem.status, problem.code) == (status, code), problem
            assert problem.detail
        async with viz.post(b"{}", path="/other") as response:
            assert response.status == 404


@on_uvloop
async def test_a_client_that_leaves_ends_its_tap_and_taps_are_bounded(tmp_path: Path) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.server, tmp_path, SERVER) as server,
    ):
        viz = Viz(mesh, tmp_path, server, SERVER)
        streams = [viz.post(codec.encode(ALL)) for _ in range(MAX_SESSIONS)]
        for stream in streams:
            await stream.__aenter__()
        assert (await viz.problem(codec.encode(ALL))).code == "too_many_taps"
        for stream in streams:
            await stream.__aexit__(None, None, None)
        await eventually(lambda: server.sessions == 0)
        assert not mesh.server.runtime.hooks.inbound


@on_uvloop
async def test_a_new_certificate_is_shown_to_new_clients(tmp_path: Path) -> None:
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.server, tmp_path, SERVER) as server,
        apps.client(mesh.addr) as client,
        Viz(mesh, tmp_path, server, SERVER).post(codec.encode(ALL)) as stream,
    ):
        server.update(credentials(mesh.authority, tmp_path / "tap" / "renewed.id", "renewed.id"))
        async with Viz(mesh, tmp_path, server, "renewed.id").post(codec.encode(ALL)) as second:
            assert second.status == 200
        # The tap that runs goes on.
        await client.get("/after")
        assert (await lines(stream, 3))[0].request_init is not None


@on_uvloop
async def test_a_reader_that_is_too_slow_loses_events_and_is_told(tmp_path: Path) -> None:
    big = "x" * 4000
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app) as mesh,
        tap_of(mesh, mesh.client, tmp_path, CLIENT) as server,
        apps.client(mesh.addr) as client,
    ):
        request = TapRequest(limit=100_000, match=TapMatch(), max_rps=1e9, headers=True, header_values=True)
        async with Viz(mesh, tmp_path, server, CLIENT).post(codec.encode(request)) as response:
            # Nobody reads while requests go on: the buffers of both ends fill, then events are dropped.
            for _ in range(30):
                client.send(f"GET /{big} HTTP/1.1\r\nhost: v\r\nx-a: {big}\r\n\r\n".encode() * 50)
                for _ in range(50):
                    await client.answer()
            losses: list[int] = []

            async def read() -> None:
                while True:
                    losses.append((await lines(response, 1))[0].dropped)

            reading = asyncio.create_task(read())

            async def told() -> bool:
                await client.get("/again")
                return bool(losses) and losses[-1] > 0

            await eventually(told)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def test_the_document_is_small() -> None:
    assert msgspec.json.decode(codec.encode(ALL)) == {"limit": 100, "match": {}}


@on_uvloop
async def test_a_retried_request_is_one_of_each_attempt(tmp_path: Path) -> None:
    answers = iter([b"503", b"200"])

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await apps.read_head(reader)
            writer.write(b"HTTP/1.1 %b X\r\ncontent-length: 0\r\n\r\n" % next(answers))

    async with (
        apps.server(app) as addr,
        pair(tmp_path, addr) as mesh,
        tap_of(mesh, mesh.client, tmp_path, CLIENT) as server,
        apps.client(mesh.addr) as client,
    ):
        known = document([mesh.server.inbound])
        route = msgspec.structs.replace(known.routes[0], retry=Retry(statuses=[StatusRange(500, 599)], limit=1))
        mesh.client.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route]))
        async with Viz(mesh, tmp_path, server, CLIENT).post(codec.encode(ALL)) as response:
            assert (await client.get()).status == 200
            found = await lines(response, 6)
            assert [e.response_init.http_status for e in found if e.response_init] == [503, 200]
            assert len({e.stream for e in found}) == 2

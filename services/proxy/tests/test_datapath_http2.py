"""HTTP/2 and gRPC through two sidecars: trailers, streaming, resets, flow control, drain. The peers are grpcio's."""

# grpc-stubs do not know the defaults and generics of grpc.aio.
# mypy: disable-error-code="arg-type, attr-defined, call-arg, type-arg, unreachable"

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import msgspec
import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import (
    CLIENT,
    PATIENT_MS,
    SERVICE,
    Pair,
    document,
    impatient,
    inbound_document,
    pair,
    sidecar,
)

from linkerd_contract.inbound import AuthnKind, Authorization
from linkerd_contract.outbound import ProtocolHint, Retry, Route, Timeouts, WeightedBackend
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

DEADLINE = apps.DEADLINE
BIG = 300_000


class App(grpc.GenericRpcHandler):
    """Bytes in, bytes out."""

    def __init__(self) -> None:
        self.metadata: dict[str, str] = {}
        self.waiting = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.sent = 0

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        self.metadata = {str(key): str(value) for key, value in details.invocation_metadata or ()}
        return {
            "/t/Echo": grpc.unary_unary_rpc_method_handler(self._echo),
            "/t/Fail": grpc.unary_unary_rpc_method_handler(self._fail),
            "/t/Partly": grpc.unary_unary_rpc_method_handler(self._partly),
            "/t/Late": grpc.unary_unary_rpc_method_handler(self._late),
            "/t/Chat": grpc.stream_stream_rpc_method_handler(self._chat),
            "/t/Flood": grpc.unary_stream_rpc_method_handler(self._flood),
            "/t/Wait": grpc.unary_unary_rpc_method_handler(self._wait),
        }.get(str(details.method))

    async def _echo(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        context.set_trailing_metadata((("x-trailer", "yes"),))
        return request

    async def _fail(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return b""

    async def _partly(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        context.set_code(grpc.StatusCode.UNAVAILABLE)
        return b"a message, and then a failure"

    async def _late(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await context.send_initial_metadata(())
        await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return b""

    async def _chat(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        async for request in requests:
            yield b"re: " + request

    async def _flood(self, request: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
        for _ in range(int(request)):
            yield bytes(BIG)
            self.sent += BIG

    async def _wait(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.waiting.set()
        try:
            await asyncio.sleep(DEADLINE)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return b""


@asynccontextmanager
async def grpc_app() -> AsyncIterator[tuple[App, tuple[str, int]]]:
    app = App()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((app,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield app, ("127.0.0.1", port)
    finally:
        await server.stop(0)


@asynccontextmanager
async def channel(addr: tuple[str, int]) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(f"{addr[0]}:{addr[1]}", options=options) as opened:
        yield opened


@on_uvloop
async def test_unary_calls_with_metadata_and_trailers(tmp_path: Path) -> None:
    async with grpc_app() as (app, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.unary_unary("/t/Echo")(b"x" * BIG, metadata=(("x-mine", "1"), ("l5d-client-id", "spoofed")))
        assert await asyncio.wait_for(call, DEADLINE) == b"x" * BIG
        trailers = await call.trailing_metadata()
        assert ("x-trailer", "yes") in [tuple(item) for item in trailers]
        assert app.metadata["x-mine"] == "1"
        assert app.metadata["l5d-client-id"] == CLIENT
        # The client hears of the end before the books are written: they are, in the same turn of the loop.
        labels = ('grpc_status="0"', 'classification="success"', 'status_code="200"')
        await eventually(lambda: mesh.client.sample("response_total", *labels) == 1)
        await eventually(lambda: mesh.server.sample("response_total", *labels) == 1)


@on_uvloop
async def test_a_grpc_response_that_breaks_off_ends_with_a_status(tmp_path: Path) -> None:
    """The endpoint's connection is lost behind a response's head: the client gets trailers, not silence."""
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.stream_stream("/t/Chat")()
        await call.write(b"1")
        assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: 1"
        for connection in mesh.server.path.open_connections():
            connection.kill()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await asyncio.wait_for(call.read(), DEADLINE)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert failed.value.details() == "connection closed before message completed"
        assert mesh.client.sample("response_total", 'error="i/o"', 'status_code="200"') == 1


@on_uvloop
async def test_grpc_failures_are_told_and_classified(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await asyncio.wait_for(to.unary_unary("/t/Fail")(b""), DEADLINE)
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert failed.value.details() == "not now"
        assert mesh.client.sample("response_total", 'grpc_status="14"', 'classification="failure"') == 1
        mesh.serve(inbound_document(authorization=Authorization(authn=AuthnKind.unknown)))
        with pytest.raises(grpc.aio.AioRpcError) as denied:
            await asyncio.wait_for(to.unary_unary("/t/Echo")(b""), DEADLINE)
        assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED


def with_route(mesh: Pair, route: Route) -> None:
    known = document([mesh.server.inbound])
    route = msgspec.structs.replace(route, backends=[WeightedBackend("all")])
    mesh.client.discovery.set(SERVICE, msgspec.structs.replace(known, routes=[route]))


@pytest.mark.parametrize(
    ("method", "timeout_ms", "attempts"),
    [("/t/Fail", PATIENT_MS, 3), ("/t/Late", PATIENT_MS, 3), ("/t/Partly", PATIENT_MS, 3), ("/t/Wait", 1000, 1)],
)
@on_uvloop
async def test_grpc_codes_are_retried_in_heads_and_in_trailers(
    tmp_path: Path, method: str, timeout_ms: int, attempts: int
) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        with_route(mesh, Route(retry=Retry(grpc_codes=[14], limit=2), timeouts=Timeouts(request_ms=timeout_ms)))
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await asyncio.wait_for(to.unary_unary(method)(b"x"), DEADLINE)
        expected = grpc.StatusCode.DEADLINE_EXCEEDED if attempts == 1 else grpc.StatusCode.UNAVAILABLE
        assert failed.value.code() is expected
        assert mesh.client.sample("request_total", 'direction="outbound"') == attempts


@on_uvloop
async def test_calls_of_every_kind_pass_a_route_with_features(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        with_route(mesh, Route(retry=Retry(grpc_codes=[14], limit=2), timeouts=Timeouts(idle_ms=PATIENT_MS)))
        for size in (10, BIG):
            assert await asyncio.wait_for(to.unary_unary("/t/Echo")(b"x" * size), DEADLINE) == b"x" * size
        total = 0
        async for part in to.unary_stream("/t/Flood")(b"10"):
            total += len(part)
        assert total == 10 * BIG
        call = to.stream_stream("/t/Chat")()
        for n in range(20):
            await call.write(b"%d" % n)
            assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: %d" % n
        await call.done_writing()
        assert await call.code() is grpc.StatusCode.OK
        waiting = to.unary_unary("/t/Wait")(b"")
        await eventually(lambda: mesh.server.sample("request_total") == 5)
        waiting.cancel()


@on_uvloop
async def test_streams_flow_both_ways_at_once(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.stream_stream("/t/Chat")()
        for n in range(50):
            await call.write(b"%d" % n)
            assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: %d" % n
        await call.done_writing()
        assert await asyncio.wait_for(call.read(), DEADLINE) is grpc.aio.EOF
        assert await call.code() is grpc.StatusCode.OK


@on_uvloop
async def test_a_slow_reader_stops_the_sender_and_then_gets_all(tmp_path: Path) -> None:
    async with grpc_app() as (app, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.unary_stream("/t/Flood")(b"100")
        assert len(await asyncio.wait_for(call.read(), DEADLINE)) == BIG
        before = -1
        while app.sent != before:
            before = app.sent
            await asyncio.sleep(0.3)
        # 30 MB to come; windows, sockets and grpcio's own buffers hold a few of them, and no proxy more than a window.
        assert app.sent < 40 * BIG
        got = BIG
        while (message := await asyncio.wait_for(call.read(), DEADLINE)) is not grpc.aio.EOF:
            got += len(message)
        assert got == 100 * BIG


@on_uvloop
async def test_a_cancelled_call_is_cancelled_at_the_application(tmp_path: Path) -> None:
    async with grpc_app() as (app, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.unary_unary("/t/Wait")(b"")
        await asyncio.wait_for(app.waiting.wait(), DEADLINE)
        call.cancel()
        await asyncio.wait_for(app.cancelled.wait(), DEADLINE)
        # The next call uses the same connections.
        assert await asyncio.wait_for(to.unary_unary("/t/Echo")(b"again"), DEADLINE) == b"again"
        assert mesh.server.sample("tcp_open_total", 'peer="src"') == 1


@on_uvloop
async def test_unmeshed_grpc_is_carried_in_clear(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, document([Addr(*addr)], identity=None, hint=ProtocolHint.none))
        async with channel(proxy.outbound) as to:
            assert await asyncio.wait_for(to.unary_unary("/t/Echo")(b"plain"), DEADLINE) == b"plain"


@on_uvloop
async def test_no_endpoint_is_told_after_failfast(tmp_path: Path) -> None:
    addr = apps.nobody()
    async with sidecar(None, tmp_path, CLIENT) as proxy:
        proxy.discovery.set(SERVICE, impatient(document([Addr(*addr)], identity=None)))
        async with channel(proxy.outbound) as to:
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await asyncio.wait_for(to.unary_unary("/t/Echo")(b""), DEADLINE)
            assert failed.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "refused" in (failed.value.details() or "")


@on_uvloop
async def test_drain_says_goaway_and_lets_streams_end(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.stream_stream("/t/Chat")()
        await call.write(b"before")
        assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: before"
        drains = [asyncio.create_task(side.path.drain(DEADLINE)) for side in (mesh.client, mesh.server)]
        await asyncio.sleep(0.1)
        assert not any(drain.done() for drain in drains)
        await call.write(b"during")
        assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: during"
        await call.done_writing()
        assert await asyncio.wait_for(call.read(), DEADLINE) is grpc.aio.EOF
        await asyncio.wait_for(asyncio.gather(*drains), DEADLINE)


@on_uvloop
async def test_new_outbound_connections_are_served_while_draining(tmp_path: Path) -> None:
    async with grpc_app() as (_, addr), pair(tmp_path, addr) as mesh, channel(mesh.addr) as to:
        call = to.stream_stream("/t/Chat")()
        await call.write(b"before")
        assert await asyncio.wait_for(call.read(), DEADLINE) == b"re: before"
        drain = asyncio.create_task(mesh.client.path.drain(2 * DEADLINE))
        await asyncio.sleep(0)
        for _ in range(2):
            async with channel(mesh.addr) as late:
                assert await asyncio.wait_for(late.unary_unary("/t/Echo")(b"late"), DEADLINE) == b"late"
                assert await asyncio.wait_for(late.unary_unary("/t/Echo")(b"again"), DEADLINE) == b"again"
        assert not drain.done()
        await call.done_writing()
        assert await asyncio.wait_for(call.read(), DEADLINE) is grpc.aio.EOF
        await asyncio.wait_for(drain, DEADLINE)

"""gRPC probes against a real gRPC server, and against what is none."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.kubelet import grpc_health, probes
from linkerd_sandbox.kubelet.grpc_health import NotGrpc
from linkerd_sandbox.kubelet.probes import Result

_STATUSES = {b"": 1, b"\x0a\x04down": 2, b"\x0a\x07unknown": 0}


class _Health(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # a plain class at run time
    """grpc.health.v1.Health without generated code: the whole server is healthy, "down" is not."""

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes] | None":
        if details.method != "/grpc.health.v1.Health/Check":
            return None
        return grpc.unary_unary_rpc_method_handler(self._check)

    @staticmethod
    async def _check(request: bytes, context: "grpc.aio.ServicerContext[bytes, bytes]") -> bytes:
        if request not in _STATUSES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return bytes([0x08, _STATUSES[request]]) if _STATUSES[request] else b""


@pytest.fixture(params=["healthy", "without health"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, int]]:
    one = grpc.aio.server()
    if request.param == "healthy":
        one.add_generic_rpc_handlers((_Health(),))
    port = one.add_insecure_port("127.0.0.1:0")
    await one.start()
    yield request.param, port
    await one.stop(None)


async def attempt(port: int, service: str = "", timeout: float = 30) -> Result:
    async def no_exec(argv: list[str], timeout: float) -> Result:
        raise AssertionError(argv)

    probe = {"grpc": {"port": port, "service": service}}
    return await probes.run(probe, {"name": "c"}, "127.0.0.1", no_exec, timeout)


async def test_against_grpcio(server: tuple[str, int]) -> None:
    kind, port = server
    if kind == "without health":
        result = await attempt(port)
        assert "does not implement the grpc health protocol" in result.message
        return
    assert (await attempt(port)).ok
    assert (await attempt(port, "down")).message == 'service unhealthy (responded with "NOT_SERVING")'
    assert (await attempt(port, "unknown")).message == 'service unhealthy (responded with "UNKNOWN")'
    assert (await attempt(port, "other")).message == "service unhealthy (grpc status 5: unknown service)"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not HTTP/2"),
        (b"", "closed before the answer"),
        (None, "timeout: failed to connect service"),
    ],
)
async def test_against_something_else(answer: bytes | None, message: str) -> None:
    release = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if answer is None:
            await release.wait()
        else:
            writer.write(answer)
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        result = await attempt(listener.sockets[0].getsockname()[1], timeout=0.3 if answer is None else 30)
    finally:
        release.set()
        listener.close()
        await listener.wait_closed()
    assert not result.ok
    assert message in result.message


async def test_nobody_listens() -> None:
    assert (await attempt(1)).message.endswith("connect: connection refused")


def test_messages() -> None:
    assert grpc_health.request_message("") == bytes(5)
    assert grpc_health.request_message("a") == b"\0\0\0\0\3\x0a\1a"
    assert grpc_health.request_message("x" * 200)[5:8] == b"\x0a\xc8\x01"


@given(st.binary(max_size=40))
def test_any_answer_is_a_status_or_named(answer: bytes) -> None:
    try:
        assert 0 <= grpc_health.serving_status(answer) < 256
    except NotGrpc:
        pass

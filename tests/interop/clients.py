"""The Python clients of the other pod: `python clients.py grpc|websocket|opaque HOST` runs one and fails loudly.

Each check is an assertion; the last line says "ok".
"""

# grpc-stubs do not know the defaults and iterators of grpc.
# mypy: disable-error-code="arg-type, call-arg, call-overload, no-untyped-call"

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import grpc
from tests.interop import servers
from websockets.sync.client import connect

BIG = 300_000
DEADLINE = 30.0
PATIENCE = b"10"
"""Seconds that the server may take to see what was done; less than DEADLINE."""


def rpc(host: str) -> None:
    """Every kind of call, deadlines, cancellation, limits, errors."""
    with grpc.insecure_channel(f"{host}:{servers.GRPC}") as channel:
        _kinds(channel)
        _ends(channel)
    options = [("grpc.max_receive_message_length", 1_000)]
    with grpc.insecure_channel(f"{host}:{servers.GRPC}", options=options) as small:
        # A client's limit and a server's, each told as gRPC tells it.
        for size in (2_000, 2 << 20):
            assert _error(small, "/i/Echo", b"x" * size).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert small.unary_unary("/i/Echo")(b"x" * 900, timeout=DEADLINE) == b"x" * 900


def _kinds(channel: grpc.Channel) -> None:
    answer, call = channel.unary_unary("/i/Echo").with_call(b"x" * BIG, timeout=DEADLINE, metadata=(("x-a", "1"),))
    assert answer == b"x" * BIG
    client = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
    assert ("x-client", client) in [tuple(pair) for pair in call.trailing_metadata()]
    numbers = (b"%d" % n for n in range(100))
    assert channel.stream_unary("/i/Sum")(numbers, timeout=DEADLINE) == b"4950"
    assert len(list(channel.unary_stream("/i/Count")(b"1000", timeout=DEADLINE))) == 1000

    def turns() -> Iterator[bytes]:
        for n in range(50):
            while len(heard) < n:
                time.sleep(0.001)
            yield b"%d" % n

    heard: list[bytes] = []
    chat = channel.stream_stream("/i/Chat")(turns(), timeout=DEADLINE)
    while len(heard) < 50:
        heard.append(next(chat))
    assert heard == [b"re: %d" % n for n in range(50)]


def _ends(channel: grpc.Channel) -> None:
    failed = _error(channel, "/i/Fail", b"")
    assert (failed.code(), failed.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "not like this: ä%")
    deadline = 0.3
    _times_out(channel, deadline)
    while channel.unary_unary("/i/HasBegun")(b"1", timeout=DEADLINE) == b"no":
        # It was over before the server had seen the call: a slow machine.
        deadline *= 4
        _times_out(channel, deadline)
    assert channel.unary_unary("/i/WasCancelled")(PATIENCE, timeout=DEADLINE) == b"yes"
    call = channel.unary_unary("/i/Wait").future(b"")
    assert channel.unary_unary("/i/HasBegun")(PATIENCE, timeout=DEADLINE) == b"yes"
    call.cancel()
    assert channel.unary_unary("/i/WasCancelled")(PATIENCE, timeout=DEADLINE) == b"yes"
    assert _error(channel, "/i/Nothing", b"").code() is grpc.StatusCode.UNIMPLEMENTED


def _times_out(channel: grpc.Channel, seconds: float) -> None:
    """A call that nobody answers, with a deadline: it ends then, and not before."""
    started = time.monotonic()
    assert _error(channel, "/i/Wait", b"", seconds).code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - started > seconds * 0.9


def _error(channel: grpc.Channel, method: str, request: bytes, timeout: float = DEADLINE) -> grpc.RpcError:
    """What a call that must fail fails with."""
    try:
        channel.unary_unary(method)(request, timeout=timeout)
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"{method} did not fail")


def websocket(host: str) -> None:
    """Messages of all sizes, text and binary, a ping, and an orderly close."""
    with connect(f"ws://{host}:{servers.WEBSOCKET}/", max_size=None) as connection:
        for message in ("hello", "ä" * 70_000, b"", bytes(range(256)) * 4_000):
            connection.send(message)
            assert connection.recv(timeout=DEADLINE) == message
        assert connection.ping().wait(DEADLINE)
        connection.close(4_000, "bye")
    assert connection.close_code == 4_000


def opaque(host: str) -> None:
    """A server that speaks first, without waiting for detection; half-close."""
    with socket.create_connection((host, servers.OPAQUE), DEADLINE) as connection:
        assert connection.recv(100) == servers.GREETING
        connection.sendall(b"x" * 1_000_000)
        connection.shutdown(socket.SHUT_WR)
        got = 0
        while data := connection.recv(65536):
            got += len(data)
        assert got == 1_000_000


if __name__ == "__main__":
    {"grpc": rpc, "websocket": websocket, "opaque": opaque}[sys.argv[1]](sys.argv[2])
    print("ok")  # noqa: T201

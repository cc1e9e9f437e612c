"""gRPC of the test's application: the four kinds of call, an error with trailers, a call to be cancelled.

Messages are bare bytes: no generated code is needed. Server and client stand side by side, as do both ends of a test.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import grpc

PORT = 50051
Json = dict[str, object]
_LIMITS = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]
_SECONDS = 25.0
_cancelled = threading.Event()


def _unary(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((("x-server-trailer", "unary"), ("x-binary-bin", b"\x00\x01\xff")))
    return b"unary " + request


def _collect(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    return b"+".join(requests)


def _expand(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    context.set_trailing_metadata((("x-server-trailer", "expand"),))
    for number in range(int(request)):
        yield b"part %d" % number


def _chat(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    for request in requests:
        yield b"re: " + request


def _fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.set_trailing_metadata((("x-server-trailer", "fail"),))
    context.abort(_status(request), "no such thing: żółw 100%")
    raise AssertionError("abort raises")


def _status(name: bytes) -> grpc.StatusCode:
    return next(status for status in grpc.StatusCode if status.name == name.decode())


def _wait(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    over = threading.Event()

    def ended() -> None:  # not after the wait: a cancelled call's generator may never be resumed
        if not context.is_active():
            _cancelled.set()
        over.set()

    context.add_callback(ended)
    yield b"begun"
    over.wait(_SECONDS)


def _was_cancelled(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Whether a `Wait` has been cancelled since the last time somebody asked; waits a little for it."""
    seen = _cancelled.wait(float(request))
    _cancelled.clear()
    return b"yes" if seen else b"no"


def serve() -> None:
    """In threads of its own."""
    handlers = {
        "Unary": grpc.unary_unary_rpc_method_handler(_unary),
        "Collect": grpc.stream_unary_rpc_method_handler(_collect),
        "Expand": grpc.unary_stream_rpc_method_handler(_expand),
        "Chat": grpc.stream_stream_rpc_method_handler(_chat),
        "Fail": grpc.unary_unary_rpc_method_handler(_fail),
        "Wait": grpc.unary_stream_rpc_method_handler(_wait),
        "WasCancelled": grpc.unary_unary_rpc_method_handler(_was_cancelled),
    }
    server = grpc.server(ThreadPoolExecutor(16), options=_LIMITS)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("e2e.Echo", handlers),))
    server.add_insecure_port(f"0.0.0.0:{PORT}")
    server.start()
    _running.append(server)


_running: list[grpc.Server] = []
"""A server ends when nobody holds it."""


def _metadata(pairs: Iterable[object] | None) -> Json:
    """Binary values in hex."""
    found: Json = {}
    for pair in pairs or ():
        key, value = cast("tuple[str, str | bytes]", pair)
        found[key] = value.hex() if isinstance(value, bytes) else value
    return found


class Client:
    """One channel to one server; each method is one operation."""

    def __init__(self, host: str) -> None:
        self._channel = grpc.insecure_channel(f"{host}:{PORT}", options=_LIMITS)

    def close(self) -> None:
        """Ends the connection."""
        self._channel.close()

    def unary(self, text: str) -> Json:
        """One message each way, and the trailers."""
        method = self._channel.unary_unary("/e2e.Echo/Unary", None, None)
        reply, call = method.with_call(text.encode(), timeout=_SECONDS, metadata=(("x-asked", "yes"),))
        return {"reply": reply.decode(), "trailers": _metadata(call.trailing_metadata())}

    def collect(self, count: int) -> Json:
        """Many messages there, one back."""
        reply = self._channel.stream_unary("/e2e.Echo/Collect", None, None)(
            (str(number).encode() for number in range(count)), timeout=_SECONDS
        )
        return {"reply": reply.decode()}

    def expand(self, count: int) -> Json:
        """One message there, many back."""
        call = self._channel.unary_stream("/e2e.Echo/Expand", None, None)(str(count).encode(), timeout=_SECONDS)
        replies = [reply.decode() for reply in call]
        return {"replies": replies, "trailers": _metadata(call.trailing_metadata())}

    def chat(self, count: int) -> Json:
        """Each message is sent only when the answer to the one before has come: nobody may hold anything back."""
        answered = threading.Semaphore(1)

        def ask() -> Iterator[bytes]:
            for number in range(count):
                if not answered.acquire(timeout=_SECONDS):
                    return
                yield str(number).encode()

        replies = []
        for reply in self._channel.stream_stream("/e2e.Echo/Chat", None, None)(ask(), timeout=_SECONDS):
            replies.append(reply.decode())
            answered.release()
        return {"replies": replies}

    def big(self, size: int) -> Json:
        """A message of `size` bytes there and back."""
        sent = bytes(range(256)) * (size // 256)
        began = time.monotonic()
        reply = self._channel.unary_unary("/e2e.Echo/Unary", None, None)(sent, timeout=_SECONDS)
        return {"equal": reply == b"unary " + sent, "size": len(reply), "seconds": time.monotonic() - began}

    def fail(self, status: str) -> Json:
        """An error of the application's; raises it."""
        self._channel.unary_unary("/e2e.Echo/Fail", None, None)(status.encode(), timeout=_SECONDS)
        return {}

    def cancel(self) -> Json:
        """A stream cancelled after its first message; did the server hear of it?"""
        call = self._channel.unary_stream("/e2e.Echo/Wait", None, None)(b"", timeout=_SECONDS)
        first = next(iter(call))
        call.cancel()  # type: ignore[no-untyped-call]
        heard = self._channel.unary_unary("/e2e.Echo/WasCancelled", None, None)(b"20", timeout=_SECONDS)
        return {"first": first.decode(), "heard": heard.decode()}

    def deadline(self) -> Json:
        """A stream whose deadline passes; raises DEADLINE_EXCEEDED."""
        for _ in self._channel.unary_stream("/e2e.Echo/Wait", None, None)(b"", timeout=0.5):
            pass
        return {}


def call(host: str, case: str, **arguments: object) -> Json:
    """A case by name; a gRPC error is an answer: {"code", "details", "trailers"}."""
    client = Client(host)
    try:
        done: Json = getattr(client, case)(**arguments)
        return done
    except grpc.RpcError as error:
        return {
            "code": error.code().name,
            "details": error.details(),
            "trailers": _metadata(error.trailing_metadata()),
        }
    finally:
        client.close()

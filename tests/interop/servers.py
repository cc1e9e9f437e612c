"""The servers of the meshed pod, none of them ours: http.server, grpcio, websockets, and a socket that speaks first.

`python servers.py` prints "ready" and serves until it is ended. nghttpd runs beside it.
"""

# grpc-stubs do not know the generics of grpc, and that abort raises.
# mypy: disable-error-code="type-arg, return"

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from websockets.sync.server import ServerConnection, serve

HTTP1, HTTP2, GRPC, WEBSOCKET, OPAQUE = 8080, 8082, 50051, 8081, 9000
GREETING = b"220 I speak first\r\n"


class Http(BaseHTTPRequestHandler):
    """Says what it saw, in the version that it was asked in."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self._body()
        said = f"{self.command} {self.path} {self.request_version} {len(body)}\n".encode()
        self.send_response(200)
        self.send_header("x-host", self.headers.get("host", "none"))
        self.send_header("x-client", self.headers.get("l5d-client-id", "none"))
        if self.path.startswith("/chunked"):
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in (said, b"more\n"):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_HEAD = do_PUT = do_POST = do_GET

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", "0")))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class HttpServer(ThreadingHTTPServer):
    """Its five connections in the queue are too few for the load generators."""

    request_queue_size = 512


class Greeter(socketserver.BaseRequestHandler):
    """Speaks first, then says everything again, and half-closes when the client has."""

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.sendall(GREETING)
        while data := connection.recv(65536):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


def _chat(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
    for request in requests:
        yield b"re: " + request


def _sum(requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
    return b"%d" % sum(int(request) for request in requests)


def _count(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    for n in range(int(request)):
        yield b"%d" % n


def _echo(request: bytes, context: grpc.ServicerContext) -> bytes:
    seen = dict(context.invocation_metadata())
    context.set_trailing_metadata((("x-client", str(seen.get("l5d-client-id", "none"))),))
    return request


def _fail(request: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not like this: ä%")


_begun, _ended = threading.Event(), threading.Event()


def _wait(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Until its client has had enough."""
    _begun.set()
    if not context.add_callback(_ended.set):
        _ended.set()
    _ended.wait()
    return b""


def _has_begun(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Whether a call of Wait has come; the request says how many seconds may pass until then."""
    return b"yes" if _begun.wait(float(request)) else b"no"


def _was_cancelled(request: bytes, context: grpc.ServicerContext) -> bytes:
    """Whether the last call of Wait, which has begun, has ended within so many seconds; it is forgotten then."""
    ended = _ended.wait(float(request))
    _begun.clear()
    _ended.clear()
    return b"yes" if ended else b"no"


class Rpc(grpc.GenericRpcHandler):
    """Methods over bytes."""

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return {
            "/i/Echo": grpc.unary_unary_rpc_method_handler(_echo),
            "/i/Sum": grpc.stream_unary_rpc_method_handler(_sum),
            "/i/Count": grpc.unary_stream_rpc_method_handler(_count),
            "/i/Chat": grpc.stream_stream_rpc_method_handler(_chat),
            "/i/Fail": grpc.unary_unary_rpc_method_handler(_fail),
            "/i/Wait": grpc.unary_unary_rpc_method_handler(_wait),
            "/i/HasBegun": grpc.unary_unary_rpc_method_handler(_has_begun),
            "/i/WasCancelled": grpc.unary_unary_rpc_method_handler(_was_cancelled),
        }.get(str(details.method))


def _say_again(connection: ServerConnection) -> None:
    for message in connection:
        connection.send(message)


def main() -> None:
    """Serve everything."""
    rpc = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 1 << 20)])
    rpc.add_generic_rpc_handlers((Rpc(),))
    rpc.add_insecure_port(f"0.0.0.0:{GRPC}")
    rpc.start()
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    socketserver.ThreadingTCPServer.request_queue_size = HttpServer.request_queue_size
    for forever in (
        HttpServer(("0.0.0.0", HTTP1), Http).serve_forever,
        socketserver.ThreadingTCPServer(("0.0.0.0", OPAQUE), Greeter).serve_forever,
        serve(_say_again, "0.0.0.0", WEBSOCKET, max_size=None).serve_forever,
    ):
        threading.Thread(target=forever, daemon=True).start()
    print("ready", flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    main()

"""Servers of the test's application: HTTP/1.1, HTTP/2 without TLS, TCP that waits for the end, TCP that speaks first.

Runs inside pods, from a ConfigMap, with the standard library and h2 alone.
"""

import json
import os
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import h2.config
import h2.connection
import h2.events
import h2.exceptions

HTTP1_PORT = 8080
HTTP2_PORT = 8081
ECHO_PORT = 9000
GREETING_PORT = 9001
GREETING = b"220 e2e ready\r\n"


def answer(method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    """What the application says to a request, whatever the protocol: the request itself, and who answered."""
    url = urlsplit(target)
    query = parse_qs(url.query)
    if "wait" in query:
        time.sleep(float(query["wait"][0]))
    said = {
        "pod": os.environ.get("HOSTNAME", ""),
        "method": method,
        "path": target,
        "headers": headers,
        "body": body.decode("latin-1"),
    }
    return int(query.get("status", ["200"])[0]), json.dumps(said).encode()


class Http1(BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Any request."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, said = answer(self.command, self.path, headers, body)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        self.send_header("x-answer-marker", headers.get("x-marker", "none"))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # the standard library's name

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    """With room for a burst of connections."""

    request_queue_size = 256
    daemon_threads = True


def serve_tcp(port: int, handler: Callable[[socket.socket], None]) -> None:
    """A thread for each connection, from now on."""
    listener = socket.create_server(("0.0.0.0", port), backlog=256)

    def one(connection: socket.socket) -> None:
        with connection:
            try:
                connection.settimeout(30)
                handler(connection)
            except OSError:
                pass  # the client's business

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def echo_at_the_end(connection: socket.socket) -> None:
    """Says nothing before the client has closed its half; then how much came, and all of it."""
    received = b""
    while data := connection.recv(65536):
        received += data
    connection.sendall(b"%d\n" % len(received) + received)


def speak_first(connection: socket.socket) -> None:
    """Greets, then answers each line, as a mail or database server would."""
    connection.sendall(GREETING)
    with connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(b"250 " + line)


def http2(connection: socket.socket) -> None:
    """HTTP/2 with prior knowledge."""
    h2c = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
    h2c.initiate_connection()
    connection.sendall(h2c.data_to_send())
    requests: dict[int, dict[str, str]] = {}
    bodies: dict[int, bytes] = {}
    while data := connection.recv(65536):
        try:
            events = h2c.receive_data(data)
        except h2.exceptions.ProtocolError:
            connection.sendall(h2c.data_to_send())
            return
        for event in events:
            if isinstance(event, h2.events.RequestReceived):
                requests[event.stream_id] = dict(event.headers)
                bodies[event.stream_id] = b""
            elif isinstance(event, h2.events.DataReceived):
                bodies[event.stream_id] += event.data
                h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                _respond(h2c, event.stream_id, requests.pop(event.stream_id), bodies.pop(event.stream_id))
        connection.sendall(h2c.data_to_send())


def _respond(connection: h2.connection.H2Connection, stream: int, headers: dict[str, str], body: bytes) -> None:
    status, said = answer(headers[":method"], headers[":path"], headers, body)
    connection.send_headers(stream, [(":status", str(status)), ("content-type", "application/json")])
    connection.send_data(stream, said)
    connection.send_headers(stream, [("x-trailer", "after the body")], end_stream=True)


def start() -> None:
    """All of them, in threads."""
    http1 = Server(("0.0.0.0", HTTP1_PORT), Http1)
    threading.Thread(target=http1.serve_forever, daemon=True).start()
    serve_tcp(HTTP2_PORT, http2)
    serve_tcp(ECHO_PORT, echo_at_the_end)
    serve_tcp(GREETING_PORT, speak_first)

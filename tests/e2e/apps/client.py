"""What a pod of the test's application can be asked to do as a client; every operation returns JSON.

An operation that the network refuses is an answer too: {"error": the exception's name and text}.
"""

import contextlib
import http.client
import socket

import h2.connection
import h2.events

Json = dict[str, object]
_SECONDS = 20.0


def http1(host: str, port: int, path: str = "/", headers: dict[str, str] | None = None, body: str = "") -> Json:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    with contextlib.closing(connection):
        connection.request("POST" if body else "GET", path, body=body or None, headers=headers or {})
        response = connection.getresponse()
        text = response.read().decode()
        return {"status": response.status, "headers": {k.lower(): v for k, v in response.getheaders()}, "body": text}


def http2(host: str, port: int, path: str = "/", headers: dict[str, str] | None = None, body: str = "") -> Json:
    """One request over HTTP/2 with prior knowledge."""
    client = h2.connection.H2Connection()
    client.initiate_connection()
    fields = [(":method", "POST" if body else "GET"), (":scheme", "http"), (":authority", f"{host}:{port}")]
    fields += [(":path", path), *(headers or {}).items()]
    client.send_headers(1, fields, end_stream=not body)
    if body:
        client.send_data(1, body.encode(), end_stream=True)
    got: dict[str, str] = {}
    trailers: dict[str, str] = {}
    received = b""
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.sendall(client.data_to_send())
        while True:
            data = connection.recv(65536)
            if not data:
                raise ConnectionError("closed before the response ended")
            for event in client.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    got = {k.decode(): v.decode() for k, v in event.headers}
                elif isinstance(event, h2.events.TrailersReceived):
                    trailers = {k.decode(): v.decode() for k, v in event.headers}
                elif isinstance(event, h2.events.DataReceived):
                    received += event.data
                    client.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    raise ConnectionError(f"{type(event).__name__} {event.error_code}")
                elif isinstance(event, h2.events.StreamEnded):
                    status = int(got.pop(":status"))
                    return {"status": status, "headers": got, "trailers": trailers, "body": received.decode()}
            connection.sendall(client.data_to_send())


def half_close(host: str, port: int, send: str) -> Json:
    """Sends all, closes its half, and only then hears the answer."""
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.sendall(send.encode("latin-1"))
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while data := connection.recv(65536):
            received += data
    return {"received": received.decode("latin-1")}


def greeting(host: str, port: int, send: str) -> Json:
    """Waits for the server's first line, then says one and hears the answer."""
    with socket.create_connection((host, port), timeout=_SECONDS) as connection, connection.makefile("rb") as lines:
        first = lines.readline()
        if not first:
            return {"closed": True}
        connection.sendall(send.encode() + b"\n")
        second = lines.readline()
    return {"first": first.decode(), "second": second.decode()}

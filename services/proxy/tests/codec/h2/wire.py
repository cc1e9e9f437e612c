"""A handler that writes down what it hears, and two connections wired without sockets."""

import dataclasses
from typing import Any

from linkerd_proxy.codec.h2 import frames
from linkerd_proxy.codec.h2.connection import H2Connection
from linkerd_proxy.codec.h2.errors import H2Error
from linkerd_proxy.codec.h2.settings import H2Settings
from linkerd_proxy.codec.h2.stream import H2Stream
from linkerd_proxy.codec.headers import Headers

Event = tuple[Any, ...]

REQUEST: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"web"), (b":path", b"/")]
POST: Headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"web"), (b":path", b"/")]
RESPONSE: Headers = [(b":status", b"200"), (b"content-type", b"text/plain")]


class Recorder:
    """Events as tuples: ("headers", stream id, list, end), ("data", …), ("reset", …), …"""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.streams: dict[int, H2Stream] = {}
        self.connection: H2Connection | None = None
        self.consumes = True
        self.bulks: list[int] = []

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def headers_received(self, stream: H2Stream, headers: Headers, end: bool) -> None:
        self.streams[stream.id] = stream
        self.events.append(("headers", stream.id, headers, end))

    def trailers_received(self, stream: H2Stream, headers: Headers) -> None:
        self.events.append(("trailers", stream.id, headers))

    def data_received(self, stream: H2Stream, data: bytes, end: bool) -> None:
        self.events.append(("data", stream.id, data, end))
        if self.consumes and self.connection is not None:
            self.connection.consumed(stream, len(data))

    def reset_received(self, stream: H2Stream, code: int) -> None:
        self.events.append(("reset", stream.id, code))

    def goaway_received(self, last_stream: int, code: int) -> None:
        self.events.append(("goaway", last_stream, code))

    def drained(self, stream: H2Stream) -> None:
        self.events.append(("drained", stream.id))

    def bulk_due(self) -> None:
        assert self.connection is not None
        self.bulks.append(self.connection.bulk)
        self.connection.bulk = 0

    def settings_received(self) -> None:
        self.events.append(("settings",))

    def ping_acknowledged(self, data: bytes) -> None:
        self.events.append(("pong", data))

    def connection_failed(self, error: H2Error) -> None:
        self.events.append(("failed", error.code))


def connect(client: bool, settings: H2Settings | None = None) -> tuple[H2Connection, Recorder]:
    recorder = Recorder()
    connection = H2Connection(recorder, client=client, settings=settings or H2Settings(), wake=lambda: None)
    recorder.connection = connection
    return connection, recorder


def written(connection: H2Connection) -> bytes:
    data = b"".join(connection.out)
    connection.out.clear()
    return data


def parse_frames(data: bytes) -> list[tuple[int, int, int, bytes]]:
    """(type, flags, stream, payload) of each frame; a client's preface is left out."""
    data = data.removeprefix(frames.PREFACE)
    found = []
    while data:
        high, low, kind, flags, stream = frames.HEAD.unpack_from(data)
        end = 9 + (high << 8 | low)
        found.append((kind, flags, stream, data[9:end]))
        data = data[end:]
    return found


def joined(events: list[Event]) -> list[Event]:
    """Events with the parts of each run of DATA as one: frames are passed on as they come."""
    found: list[Event] = []
    for event in events:
        last = found[-1] if found else ()
        if event[0] == "data" and last and last[0] == "data" and last[1] == event[1] and not last[3]:
            found[-1] = ("data", event[1], last[2] + event[2], event[3])
        else:
            found.append(event)
    return found


@dataclasses.dataclass
class Pair:
    """A client and a server; `run` carries bytes both ways until both are silent."""

    client: H2Connection
    server: H2Connection
    at_client: Recorder
    at_server: Recorder

    def run(self) -> None:
        while self.client.out or self.server.out:
            self.server.receive(written(self.client))
            self.client.receive(written(self.server))

    def request(self, headers: Headers = REQUEST, end: bool = True) -> tuple[H2Stream, H2Stream]:
        """Opens a stream and returns both sides of it."""
        stream = self.client.open_stream(None)
        self.client.send_headers(stream, headers, end)
        self.run()
        return stream, self.at_server.streams[stream.id]


def make_pair(client_settings: H2Settings | None = None, server_settings: H2Settings | None = None) -> Pair:
    client, at_client = connect(True, client_settings)
    server, at_server = connect(False, server_settings)
    pair = Pair(client, server, at_client, at_server)
    pair.run()
    at_client.take()
    at_server.take()
    return pair


class Peer:
    """Raw frames against one connection whose preface and settings were exchanged."""

    def __init__(self, *, client: bool = False, settings: H2Settings | None = None) -> None:
        self.connection, self.recorder = connect(client, settings)
        hello = frames.settings({})
        self.connection.receive(hello if client else frames.PREFACE + hello)
        self.connection.receive(frames.SETTINGS_ACK)
        self.recorder.take()
        written(self.connection)

    def send(self, *data: bytes) -> list[Event]:
        """What the handler heard of these bytes."""
        self.connection.receive(b"".join(data))
        return self.recorder.take()

    def answered(self) -> list[tuple[int, int, int, bytes]]:
        return parse_frames(written(self.connection))

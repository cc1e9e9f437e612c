"""TLS streams against each other and against the standard library's TLS, over real sockets."""

import asyncio
import ssl
from pathlib import Path
from typing import cast

from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.transport.buffers import PLAIN, READ_SIZE, RECORD, SLICE
from linkerd_proxy.transport.tls import TlsContexts, client_identity, peer_names
from linkerd_proxy.transport.tls_stream import TlsStream
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime.certify import Credentials
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually


def contexts(authority: Authority, identity: str, directory: Path) -> TlsContexts:
    leaf = authority.leaf(identity)
    chain, key = leaf.write(directory / identity)
    made = TlsContexts()
    made.update(Credentials(identity, str(chain), str(key), authority.anchors, leaf.not_after.timestamp()))
    return made


class Recorder(asyncio.Protocol):
    """What a protocol hears."""

    def __init__(self, *, keep_open: bool = False) -> None:
        self.received = b""
        self.eof = False
        self.lost: list[Exception | None] = []
        self.keep_open = keep_open

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.eof = True
        return self.keep_open

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.append(error)


class Ends:
    """A client's and a server's stream, joined."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.streams: dict[str, TlsStream] = {}
        self.protocols = {"client": Recorder(keep_open=True), "server": Recorder(keep_open=True)}
        self.lower: dict[str, asyncio.Transport] = {}

    def done(self, name: str) -> "object":
        def callback(stream: TlsStream, error: Exception | None) -> None:
            if error is not None:
                self.errors.append(error)
                return
            stream.set_protocol(self.protocols[name])
            self.streams[name] = stream

        return callback

    async def join(self, server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
        loop = asyncio.get_running_loop()
        turn = Turn(loop)

        def accept() -> asyncio.Protocol:
            first = asyncio.Protocol()

            class Start(asyncio.Protocol):
                def connection_made(self, transport: asyncio.BaseTransport) -> None:
                    lower = ends.lower["server"] = cast("asyncio.Transport", transport)
                    TlsStream(lower, server, turn, ends.done("server")).start()  # type: ignore[arg-type]

            ends = self
            del first
            return Start()

        listening = await loop.create_server(accept, "127.0.0.1", 0)
        transport, _ = await loop.create_connection(asyncio.Protocol, *listening.sockets[0].getsockname())
        self.lower["client"] = transport
        TlsStream(transport, client, turn, self.done("client"), name).start()  # type: ignore[arg-type]
        await eventually(lambda: len(self.streams) == 2 or self.errors)
        listening.close()


@on_uvloop
async def test_bytes_names_and_alpn(tmp_path: Path) -> None:
    authority = Authority()
    ends = Ends()
    await ends.join(
        contexts(authority, "server.id", tmp_path).server(),
        contexts(authority, "client.id", tmp_path).client("h2"),
        "server.id",
    )
    client, server = ends.streams["client"], ends.streams["server"]
    assert client_identity(server.tls) == "client.id"
    assert peer_names(client.tls) == ["server.id"]
    assert server.tls.selected_alpn_protocol() == "h2"
    big = bytes(range(256)) * 4000
    client.write(big)
    server.write(b"hello")
    await eventually(lambda: ends.protocols["server"].received == big)
    await eventually(lambda: ends.protocols["client"].received == b"hello")
    client.close()
    server.close()
    await eventually(lambda: all(p.lost for p in ends.protocols.values()))


class BufferedRecorder(asyncio.BufferedProtocol):
    """As relays: reads from the buffer that all share."""

    def __init__(self) -> None:
        self.received = bytearray()

    def get_buffer(self, sizehint: int) -> memoryview:
        return PLAIN

    def buffer_updated(self, nbytes: int) -> None:
        self.received += PLAIN[:nbytes]


@on_uvloop
async def test_bytes_in_pieces_of_every_size(tmp_path: Path) -> None:
    authority = Authority()
    ends = Ends()
    await ends.join(
        contexts(authority, "s.id", tmp_path).server(), contexts(authority, "c.id", tmp_path).client(""), "s.id"
    )
    buffered = BufferedRecorder()
    ends.streams["server"].set_protocol(buffered)
    client, server = ends.streams["client"], ends.streams["server"]
    sizes = [0, 1, 9, RECORD - 1, RECORD, RECORD + 1, SLICE - 1, SLICE, SLICE + 1, 3 * READ_SIZE + 7, 5]
    pieces = [bytes([i]) * size for i, size in enumerate(sizes)]
    client.writelines(pieces)
    server.writelines(memoryview(piece) for piece in pieces)
    for piece in pieces:
        client.write(piece)
    whole = b"".join(pieces)
    await eventually(lambda: buffered.received == whole * 2)
    await eventually(lambda: ends.protocols["client"].received == whole)
    client.close()
    client.writelines([b"nothing more"])
    server.abort()
    await eventually(lambda: ends.protocols["client"].lost)


@on_uvloop
async def test_half_close_leaves_the_other_way_open(tmp_path: Path) -> None:
    authority = Authority()
    ends = Ends()
    await ends.join(
        contexts(authority, "s.id", tmp_path).server(), contexts(authority, "c.id", tmp_path).client(""), "s.id"
    )
    client, server = ends.streams["client"], ends.streams["server"]
    client.write(b"request")
    client.write_eof()
    client.write(b"nothing more")
    await eventually(lambda: ends.protocols["server"].eof)
    assert ends.protocols["server"].received == b"request"
    server.write(b"x" * 500_000)
    await eventually(lambda: len(ends.protocols["client"].received) == 500_000)
    server.close()
    await eventually(lambda: ends.protocols["client"].eof)
    client.close()
    await eventually(lambda: ends.protocols["client"].lost == [None])


@on_uvloop
async def test_an_end_without_close_notify_is_a_reset(tmp_path: Path) -> None:
    authority = Authority()
    ends = Ends()
    await ends.join(
        contexts(authority, "s.id", tmp_path).server(), contexts(authority, "c.id", tmp_path).client(""), "s.id"
    )
    ends.lower["client"].abort()
    await eventually(lambda: ends.protocols["server"].lost)
    assert isinstance(ends.protocols["server"].lost[0], ConnectionError)


@on_uvloop
async def test_a_stranger_is_refused(tmp_path: Path) -> None:
    ends = Ends()
    await ends.join(
        contexts(Authority(), "s.id", tmp_path / "1").server(),
        contexts(Authority(), "c.id", tmp_path / "2").client("h2"),
        "s.id",
    )
    assert isinstance(ends.errors[0], ssl.SSLError)
    await asyncio.sleep(0.05)


@on_uvloop
async def test_garbage_ends_the_handshake(tmp_path: Path) -> None:
    server = contexts(Authority(), "s.id", tmp_path).server()
    errors: list[Exception | None] = []
    turn = Turn(asyncio.get_running_loop())

    class Start(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            lower = cast("asyncio.Transport", transport)
            TlsStream(lower, server, turn, lambda _stream, error: errors.append(error)).start()

    listening = await asyncio.get_running_loop().create_server(Start, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listening.sockets[0].getsockname())
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(reader.read(), 30)
    assert len(errors) == 1
    assert isinstance(errors[0], ssl.SSLError)
    writer.close()
    listening.close()


def test_tickets_are_off(tmp_path: Path) -> None:
    assert contexts(Authority(), "s.id", tmp_path).server().num_tickets == 0


@on_uvloop
async def test_many_handshakes_at_once_all_end(tmp_path: Path) -> None:
    authority = Authority()
    server = contexts(authority, "s.id", tmp_path).server()
    client = contexts(authority, "c.id", tmp_path).client("")
    loop = asyncio.get_running_loop()
    turn = Turn(loop)
    done: list[Exception | None] = []

    class Start(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            lower = cast("asyncio.Transport", transport)
            TlsStream(lower, server, turn, lambda _stream, error: done.append(error)).start()

    listening = await loop.create_server(Start, "127.0.0.1", 0)
    made = []
    for _ in range(50):
        transport, _ = await loop.create_connection(asyncio.Protocol, *listening.sockets[0].getsockname())
        made.append(transport)
    for transport in made:
        TlsStream(transport, client, turn, lambda _stream, error: done.append(error), "s.id").start()
    await eventually(lambda: len(done) == 100)
    assert done == [None] * 100
    for transport in made:
        transport.abort()
    listening.close()


@on_uvloop
async def test_a_stream_that_is_given_up_while_it_waits_for_its_turn(tmp_path: Path) -> None:
    authority = Authority()
    client = contexts(authority, "c.id", tmp_path).client("")
    loop = asyncio.get_running_loop()
    turn = Turn(loop)
    errors: list[Exception | None] = []
    listening = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    transport, _ = await loop.create_connection(asyncio.Protocol, *listening.sockets[0].getsockname())
    turn.alone(lambda: None)
    stream = TlsStream(transport, client, turn, lambda _stream, error: errors.append(error), "s.id")
    stream.start()
    assert not transport.is_reading()  # a peer that floods meanwhile is not read
    stream.abort()
    await eventually(lambda: errors)
    assert len(errors) == 1
    assert isinstance(errors[0], ConnectionError)
    listening.close()

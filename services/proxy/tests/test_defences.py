"""What a hostile HTTP/2 client can do to a running sidecar: end its own connection. docs/threat-model.md has the table.

The limits themselves are held, to the frame, by codec/h2/test_limits.py; here it is the whole proxy on real sockets,
with an honest connection beside the hostile one.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import Pair, pair

from linkerd_proxy.codec.h2 import errors, frames
from linkerd_proxy.codec.h2.frames import END_HEADERS, END_STREAM, PREFACE, frame
from linkerd_proxy.http.server_h2 import LAST_STREAM, H2Server
from linkerd_testkit.ports import eventually

GET = b"\x82\x86\x84\x01\x01a"
HELLO = PREFACE + frames.settings({})
PIECE = 64 * 1024


def head(stream: int, flags: int = END_HEADERS | END_STREAM, block: bytes = GET) -> bytes:
    return frame(frames.HEADERS, flags, stream, block)


def rapid_reset() -> Iterator[bytes]:
    for stream in range(1, 1_000_001, 2):
        yield head(stream) + frames.rst_stream(stream, errors.CANCEL)


def continuation() -> Iterator[bytes]:
    yield head(1, 0)
    while True:
        yield frame(frames.CONTINUATION, 0, 1, b"")


def empty_data() -> Iterator[bytes]:
    yield head(1, END_HEADERS)
    while True:
        yield frame(frames.DATA, 0, 1, b"")


def header_bomb() -> Iterator[bytes]:
    """One entry of almost the table's size, then 1,000 references to it in each request."""
    yield head(1, block=GET + b"\x40\x01a\x7f\xa0\x1e" + b"x" * 3_999)
    for stream in range(3, 1_000_001, 2):
        yield head(stream, block=GET + b"\xbe" * 1_000)


def endlessly(one: bytes) -> Iterator[bytes]:
    while True:
        yield one


FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "rapid reset": rapid_reset,
    "CONTINUATION": continuation,
    "empty DATA": empty_data,
    "header lists": header_bomb,
    "PING": lambda: endlessly(frames.ping(b"12345678")),
    "SETTINGS": lambda: endlessly(frames.settings({})),
    "WINDOW_UPDATE": lambda: endlessly(frames.window_update(0, 1)),
    "PRIORITY": lambda: endlessly(frame(frames.PRIORITY, 0, 1, b"12345")),
    "unknown frames": lambda: endlessly(frame(0x77, 0, 0, b"")),
}


async def flood(addr: tuple[str, int], floods: Iterator[bytes]) -> list[tuple[int, bytes]]:
    """(type, payload) of what the proxy said until it closed the connection."""
    reader, writer = await apps.connect(addr)
    answers = asyncio.create_task(reader.read())
    try:
        writer.write(HELLO)
        piece = b""
        while not answers.done():
            while len(piece) < PIECE:
                piece += next(floods)
            writer.write(piece)
            piece = b""
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
    said: bytes = b""
    try:
        said = await asyncio.wait_for(answers, apps.DEADLINE)
    except ConnectionError:
        # Closed while more was on its way, so the kernel reset it: what was said is lost with it.
        pass
    return _frames(said)


def _frames(data: bytes) -> list[tuple[int, bytes]]:
    found = []
    while len(data) >= 9:
        high, low, kind, _, _ = frames.HEAD.unpack_from(data)
        end = 9 + (high << 8 | low)
        found.append((kind, data[9:end]))
        data = data[end:]
    return found


@pytest.mark.parametrize("name", FLOODS)
@on_uvloop
async def test_a_flood_ends_its_own_connection_and_no_other(tmp_path: Path, name: str) -> None:
    async with apps.echo_app() as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as honest:
        assert (await honest.get()).status == 200
        for addr, side, direction in (
            (mesh.addr, mesh.client, "outbound"),
            (mesh.server.inbound, mesh.server, "inbound"),
        ):
            said = await asyncio.wait_for(flood(addr, FLOODS[name]()), 30)
            goaways = [payload for kind, payload in said if kind == frames.GOAWAY]
            assert all(p[4:8] == errors.ENHANCE_YOUR_CALM.to_bytes(4, "big") for p in goaways)
            assert side.sample(f"{direction}_http_errors_total", 'error="bad request"') == 1
            assert (await honest.get()).status == 200
        # The connection between the sidecars, which all clients share, did not take part.
        assert mesh.server.sample("tcp_open_total", 'peer="src"', 'tls="true"') == 1
        assert (await honest.get()).status == 200
        # Nothing is left of it.
        await eventually(lambda: mesh.client.path.connections == 1)
        assert (await honest.get()).status == 200


def streams_of(mesh: Pair) -> list[H2Server]:
    return [c for side in (mesh.client, mesh.server) for c in side.path.open_connections() if isinstance(c, H2Server)]


@on_uvloop
async def test_readers_with_shut_windows_make_nobody_hold_more_than_windows(tmp_path: Path) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(PIECE) + b"\r\n")
            await writer.drain()

    requests = 20
    async with apps.server(endless) as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        # HTTP/1 to the application: carried requests are what inbound turns into it.
        carried = GET + b"\x00\x0el5d-orig-proto\x08HTTP/1.1"
        client.send(PREFACE + frames.settings({4: 0}))
        client.send(b"".join(head(2 * n + 1, block=carried) for n in range(requests)))
        await eventually(lambda: mesh.server.sample("request_total") == requests)

        def queued() -> int:
            return sum(s.queued for c in streams_of(mesh) for s in c.codec.streams.values())

        await eventually(queued)
        held = -1
        while held != (held := queued()):
            await asyncio.sleep(0.2)
        # On each stream a window of ours, and what one read of the socket brought beyond it, on either sidecar.
        assert held <= requests * 2 * (65_535 + 262_144)
        async with apps.client(mesh.addr) as honest:
            honest.send(b"GET / HTTP/1.1\r\nHost: v\r\n\r\n")
            line, _ = await apps.read_head(honest.reader)
            assert line == "HTTP/1.1 200 OK"


@on_uvloop
async def test_stream_identifiers_run_out_in_order(tmp_path: Path) -> None:
    """GOAWAY in time, so that the client opens another connection instead of meeting the last identifier."""
    async with apps.server(_http2_only) as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        client.send(HELLO + head(LAST_STREAM - 2))
        await eventually(lambda: mesh.client.sample("request_total") == 1)
        client.send(head(LAST_STREAM))
        said = _frames(await client.ended())
        assert (frames.GOAWAY, (2**31 - 1).to_bytes(4, "big") + bytes(4)) in said
        assert len([kind for kind, _ in said if kind == frames.HEADERS]) == 2


async def _http2_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers every request with :status 200 and nothing more."""
    await reader.readexactly(len(PREFACE))
    writer.write(frames.settings({}))
    while True:
        high, low, kind, _, stream = frames.HEAD.unpack(await reader.readexactly(9))
        await reader.readexactly(high << 8 | low)
        if kind == frames.HEADERS:
            writer.write(head(stream, block=b"\x88"))

"""Applications and clients of tests, on plain sockets: what they send and see is under the test's control."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from linkerd_testkit.ports import DEADLINE_SECONDS, free_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

DEADLINE = DEADLINE_SECONDS

CLOSED = "the handler is closed"
"""What uvloop says of a write after the connection was lost, which asyncio ignores."""


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[tuple[str, int]]:
    """A TCP server; what its handlers raise fails the test."""
    errors: list[BaseException] = []

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass
        except RuntimeError as error:
            if CLOSED not in str(error):
                errors.append(error)
        except BaseException as error:  # noqa: BLE001 - reported below
            errors.append(error)
        finally:
            writer.close()

    listening = await asyncio.start_server(guarded, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()[:2]
    try:
        yield host, port
    finally:
        listening.close()
        if errors:
            raise errors[0]


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    """First line and lower-cased fields; repeated ones joined by a comma."""
    lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)).decode("latin-1").split("\r\n")
    fields: dict[str, str] = {}
    for line in lines[1:-2]:
        name, _, value = line.partition(":")
        key = name.lower()
        fields[key] = f"{fields[key]},{value.strip()}" if key in fields else value.strip()
    return lines[0], fields


async def read_body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    """By content-length, chunks, or until the end."""
    if "content-length" in fields:
        return await asyncio.wait_for(reader.readexactly(int(fields["content-length"])), DEADLINE)
    if fields.get("transfer-encoding") != "chunked":
        return await asyncio.wait_for(reader.read(), DEADLINE)
    body = b""
    while size := int((await asyncio.wait_for(reader.readline(), DEADLINE)).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
    while (line := await reader.readline()) != b"\r\n":
        fields["trailer:" + line.split(b":")[0].decode().lower()] = line.split(b":")[1].strip().decode()
    return body


class Answer:
    """A response as a client saw it."""

    def __init__(self, line: str, fields: dict[str, str], body: bytes) -> None:
        self.line = line
        self.status = int(line.split()[1])
        self.fields = fields
        self.body = body


class Client:
    """An HTTP/1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, head: bool = False) -> Answer:
        line, fields = await read_head(self.reader)
        bodiless = head or line.split()[1] in ("204", "304") or line.split()[1].startswith("1")
        body = b"" if bodiless else await read_body(self.reader, fields)
        return Answer(line, fields, body)

    async def ask(self, data: bytes, *, head: bool = False) -> Answer:
        self.send(data)
        return await self.answer(head=head)

    async def get(self, path: str = "/", **fields: str) -> Answer:
        lines = [f"GET {path} HTTP/1.1", "host: voting-svc"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        return await self.ask(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def ended(self) -> bytes:
        """What comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), DEADLINE)


def nobody() -> tuple[str, int]:
    """Where nobody listens, nor will, which is not so of the port of a server that was there a moment ago: the kernel
    may give it to the next listener, or to a connection, which could even meet itself."""
    return "127.0.0.1", free_port()


async def connect(addr: tuple[str, int]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, of which a reset shows when it is used, even where it was reset before connect() came back.

    Whoever accepts may reset at once (a relay whose upstream refuses): asyncio.open_connection raises
    ConnectionResetError then, or not, as the two processes happen to run.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in addr[0] else socket.AF_INET)
    sock.setblocking(False)
    try:
        with suppress(ConnectionResetError):
            await asyncio.get_running_loop().sock_connect(sock, addr)
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


@asynccontextmanager
async def client(addr: tuple[str, int]) -> AsyncIterator[Client]:
    """A connection."""
    reader, writer = await connect(addr)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def echo_app(seen: list[tuple[str, dict[str, str], bytes]] | None = None) -> AsyncIterator[tuple[str, int]]:
    """Answers with the request's first line, fields (as x-*) and body; keeps connections alive."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            line, fields = await read_head(reader)
            has_body = "content-length" in fields or "transfer-encoding" in fields
            body = await read_body(reader, fields) if has_body else b""
            if seen is not None:
                seen.append((line, fields, body))
            text = line.encode() + b"|" + body
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(text)}\r\n"
            head += "".join(f"x-{name}: {value}\r\n" for name, value in fields.items() if ":" not in name)
            writer.write(head.encode() + b"\r\n" + (b"" if line.startswith("HEAD ") else text))
            await writer.drain()
            if line.endswith("HTTP/1.0"):
                return

    async with server(handle) as addr:
        yield addr

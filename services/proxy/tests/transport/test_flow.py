import asyncio
import errno
import socket
from collections.abc import Iterable

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.transport.flow import JOIN, Pieces, errno_name, reset, write_pieces


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (None, ""),
        (ConnectionResetError(errno.ECONNRESET, "x"), "ECONNRESET"),
        (OSError("without a number"), "UNKNOWN"),
        (ValueError(), "UNKNOWN"),
    ],
)
def test_names_of_ends(error: Exception | None, name: str) -> None:
    assert errno_name(error) == name


@on_uvloop
async def test_reset_is_seen_as_one() -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer.transport)  # type: ignore[arg-type]

    async with apps.server(app) as addr, apps.client(addr) as client:
        client.send(b"x")
        with pytest.raises(ConnectionResetError):
            await client.ended()
    assert socket.SO_LINGER


class Writes(asyncio.Transport):
    """What was written, one member a call."""

    def __init__(self) -> None:
        self.calls: list[bytes | list[bytes]] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.calls.append([bytes(data) for data in list_of_data])


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([b"one"], [b"one"]),
        ([b"head", memoryview(b"body")], [b"headbody"]),
        ([b"head", b"x" * JOIN], [[b"head", b"x" * JOIN]]),
    ],
)
def test_little_is_joined_and_much_is_not_copied(pieces: Pieces, calls: list[bytes | list[bytes]]) -> None:
    transport = Writes()
    expected = sum(map(len, pieces))
    assert write_pieces(transport, pieces) == expected
    assert transport.calls == calls
    assert not pieces

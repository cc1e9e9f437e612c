import errno
import socket

import pytest
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop

from linkerd_proxy.transport.flow import errno_name, reset


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
    import asyncio

    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        reset(writer.transport)  # type: ignore[arg-type]

    async with apps.server(app) as addr, apps.client(addr) as client:
        client.send(b"x")
        with pytest.raises(ConnectionResetError):
            await client.ended()
    assert socket.SO_LINGER

"""The tests' own client, where what it meets is a race between two processes."""

import multiprocessing
import socket
import struct
from contextlib import suppress
from multiprocessing.connection import Connection

from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop


def resets(address: Connection) -> None:
    """Accept, and reset at once, until killed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address.send(listener.getsockname())
        while True:
            accepted, _ = listener.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()


@on_uvloop
async def test_a_reset_during_connect_shows_when_the_connection_is_used() -> None:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=resets, args=(sender,), daemon=True)
    process.start()
    try:
        assert receiver.poll(apps.DEADLINE)
        addr = receiver.recv()
        for _ in range(100):
            async with apps.client(addr) as client:
                client.send(b"hello")
                with suppress(ConnectionError):
                    assert await client.ended() == b""
    finally:
        process.kill()
        process.join()

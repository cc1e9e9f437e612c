"""Ports of the host that lead to Services."""

import asyncio
import gc
from typing import Any

import pytest

from linkerd_sandbox.net.ingress import Forward, parse, relay


def test_what_is_asked_for() -> None:
    assert parse("8080:web.emojivoto:80") == Forward(8080, "web", "emojivoto", "80")
    assert parse("8080:web.emojivoto:http") == Forward(8080, "web", "emojivoto", "http")


@pytest.mark.parametrize("text", ["", "web", "8080:web:80", "8080:web.emojivoto", "70000:a.b:1", "0:a.b:1", "x:a.b:1"])
def test_mistakes(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST_PORT:SERVICE\.NAMESPACE:PORT"):
        parse(text)


async def test_a_relay_outlives_its_client_until_the_other_side_ends() -> None:
    """Nothing but the relay knows of its tasks then: they must not be collected as garbage."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: faults.append(context))
    received, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def target(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read() == b"hello"
        received.set()
        await may_end.wait()
        writer.close()

    async with await asyncio.start_server(target, "127.0.0.1", 0) as inner:
        address = inner.sockets[0].getsockname()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await relay(reader, writer, address)
            ended.set()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as outer:
            _, client = await asyncio.open_connection(*outer.sockets[0].getsockname())
            client.write(b"hello")
            client.close()
            await client.wait_closed()
            async with asyncio.timeout(30):
                await received.wait()
                for _ in range(3):
                    await asyncio.sleep(0)
                    gc.collect()
                may_end.set()
                await ended.wait()
    assert faults == []

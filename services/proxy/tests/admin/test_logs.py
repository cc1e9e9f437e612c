"""/logs.json: a client's own filter, beside the log level and not instead of it."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
from services.proxy.tests.admin.test_server import State, admin, client_of

from linkerd_proxy.admin.loglevel import LogLevel
from linkerd_proxy.admin.logs import MAX_LINES, MAX_STREAMS, LogStreams
from linkerd_testkit.ports import eventually

OURS = logging.getLogger("linkerd_proxy.test")


@pytest.fixture(autouse=True)
def fixture_restore() -> Iterator[None]:
    names = ("", "linkerd_proxy", "linkerd_runtime", "linkerd_rules")
    before = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(name="stderr")
def fixture_stderr() -> Iterator[io.StringIO]:
    """What a handler of standard error would write."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


async def test_a_stream_has_its_own_level(stderr: io.StringIO) -> None:
    async with client_of(admin(State())) as client:
        answer = await client.get("/logs.json?linkerd=debug")
        assert answer.status == 200
        assert answer.content_type == "application/json"
        OURS.debug("a %s", "detail")
        logging.getLogger("another").info("not asked for")
        OURS.warning("a warning")
        lines = [json.loads(await asyncio.wait_for(answer.content.readline(), 5)) for _ in range(2)]
        assert [(one["level"], one["fields"]["message"]) for one in lines] == [
            ("DEBUG", "a detail"),
            ("WARN", "a warning"),
        ]
        # Standard error has what the level of the proxy (warn) lets pass, and so it stays when the level changes.
        assert stderr.getvalue() == "a warning\n"
        assert (await client.put("/proxy-log-level", data=b"error")).status == 204
        OURS.warning("unheard there")
        assert "unheard" not in stderr.getvalue()
        line = json.loads(await asyncio.wait_for(answer.content.readline(), 5))
        assert line["fields"]["message"] == "unheard there"
        answer.close()
        await eventually(lambda: not OURS.isEnabledFor(logging.DEBUG))
        OURS.error("an error")
        assert stderr.getvalue() == "a warning\nan error\n"


async def test_refusals() -> None:
    async with client_of(admin(State())) as client:
        for query in ("", "?", "?linkerd=loud", "?%zz"):
            assert (await client.get("/logs.json" + query)).status == 400, query
        assert (await client.get("/logs.json?info", headers={"accept": "text/html"})).status == 406
        assert (await client.post("/logs.json?info")).status == 405
        opened = [await client.get("/logs.json?error") for _ in range(MAX_STREAMS)]
        assert (await client.get("/logs.json?error")).status == 429
        for answer in opened:
            answer.close()

        async def again() -> bool:
            answer = await client.get("/logs.json?error")
            answer.close()
            return answer.status == 200

        await eventually(again)


async def test_what_is_not_read_is_dropped_and_said_to_be() -> None:
    streams = LogStreams(LogLevel("error"))
    stream = streams.open("linkerd=info")
    for number in range(MAX_LINES + 5):
        OURS.info("%d", number)
    lines = (await stream.read(1)).splitlines()
    assert len(lines) == MAX_LINES + 1
    assert json.loads(lines[-1])["fields"]["message"].startswith("5 events were dropped")
    assert await stream.read(0.001) == b""
    waiting = asyncio.create_task(stream.read(5))
    await asyncio.sleep(0)
    await asyncio.to_thread(OURS.info, "from a thread")
    assert b"from a thread" in await waiting
    streams.close(stream)
    assert len(streams) == 0
    OURS.info("nobody listens")
    assert await stream.read(0.001) == b""

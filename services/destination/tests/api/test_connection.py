"""One connection against a WebSocket that the test holds: slow readers, silence, broken contracts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiohttp import WSMessage, WSMsgType, web

from linkerd_contract.codec import encode
from linkerd_contract.watch import Hello, Watch, WatchKind
from linkerd_destination.api import connection as module
from linkerd_destination.api.connection import Connection
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.api.topics import Topics
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.objects import Pod
from linkerd_destination.index.state import Index
from linkerd_testkit.ports import eventually


class Wire:
    """A WebSocket whose far end reads only when `reading` is set."""

    def __init__(self) -> None:
        self.incoming: asyncio.Queue[WSMessage] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.pings = 0
        self.closed_with: tuple[int, bytes] | None = None

    def say(self, message: Hello | Watch) -> None:
        self.incoming.put_nowait(WSMessage(WSMsgType.TEXT, encode(message).decode(), None))

    async def receive(self) -> WSMessage:
        return await self.incoming.get()

    async def send_frame(self, data: bytes, _kind: WSMsgType) -> None:
        await self.reading.wait()
        self.sent.append(json.loads(data))

    async def ping(self) -> None:
        self.pings += 1

    async def pong(self, data: bytes) -> None:
        self.sent.append({"pong": data.decode()})

    async def close(self, code: int = 1000, message: bytes = b"") -> None:
        self.closed_with = (code, message)


class Bench:
    def __init__(self) -> None:
        self.index = Index(ClusterConfig())
        self.metrics = Metrics()
        self.topics = Topics(self.index, self.metrics)
        self.topics.open()
        self.wire = Wire()
        websocket = cast("web.WebSocketResponse", self.wire)
        self.connection = Connection(websocket, self.topics, self.metrics, "web", "ns")
        self.abort = asyncio.Event()
        self.task = asyncio.create_task(self.connection.run(self.abort))

    def put(self, account: str) -> None:
        self.index.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",), service_account=account))
        self.topics.on_change()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.abort.set()
    await asyncio.wait((made.task,))


async def test_a_slow_reader_is_sent_the_newest_state_once(bench: Bench) -> None:
    bench.put("a0")
    bench.wire.say(Hello(workload="ns/web-1"))
    bench.wire.say(Watch(id=1, kind=WatchKind.outbound, target="10.0.0.1:80"))
    await eventually(lambda: bench.wire.sent)
    bench.wire.reading.clear()
    for n in range(1, 50):
        bench.put(f"a{n}")
        await asyncio.sleep(0)  # each is a turn of its own, and is rendered
        await asyncio.sleep(0)
        assert len(bench.connection._pending) <= 1
    bench.wire.reading.set()
    await eventually(lambda: len(bench.wire.sent) == 3)
    await asyncio.sleep(0.01)
    # The one that it was stuck in, and the newest; nothing of the 47 between.
    assert len(bench.wire.sent) == 3
    last = bench.wire.sent[-1]["set"]["backends"]["forward"]["endpoints"][0]
    assert last["labels"]["serviceaccount"] == "a49"


async def test_a_change_and_its_undoing_are_not_sent(bench: Bench) -> None:
    bench.put("a")
    bench.wire.say(Hello(workload="ns/web-1"))
    bench.wire.say(Watch(id=1, kind=WatchKind.outbound, target="10.0.0.1:80"))
    await eventually(lambda: bench.wire.sent)
    bench.put("b")
    bench.put("a")
    await asyncio.sleep(0.01)
    assert len(bench.wire.sent) == 1


async def test_silence_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.02)
    bench = Bench()
    await eventually(lambda: bench.wire.pings >= 3)
    monkeypatch.setattr(module, "SILENCE_SECONDS", 0.01)
    await asyncio.wait_for(bench.task, 30)
    assert bench.metrics.registry.get_sample_value("destination_refused_total", {"reason": "silent"}) == 1
    assert bench.metrics.registry.get_sample_value("destination_connections") == 0


async def test_pings_are_answered_and_count_as_life(bench: Bench) -> None:
    bench.wire.incoming.put_nowait(WSMessage(WSMsgType.PING, b"x", None))
    await eventually(lambda: bench.wire.sent == [{"pong": "x"}])


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([Watch(id=1, kind=WatchKind.inbound)], "hello comes first"),
        ([Hello(workload="a/b"), Hello(workload="a/b")], "hello comes once"),
        ([Hello(workload="a/b"), Watch(id=1, kind=WatchKind.unknown)], "watch 1 is of an unknown kind"),
        (
            [Hello(workload="a/b"), *[Watch(id=1, kind=WatchKind.outbound, target="10.0.0.1:1")] * 2],
            "watch 1 is there already",
        ),
    ],
)
async def test_a_broken_contract(bench: Bench, messages: list[Hello | Watch], reason: str) -> None:
    for message in messages:
        bench.wire.say(message)
    await asyncio.wait_for(bench.task, 30)
    assert bench.wire.closed_with == (1002, reason.encode())
    assert not bench.topics._topics

"""Topics: shared renderings, readers that are marked, and what is forgotten."""

import asyncio

import pytest

from linkerd_contract.watch import WatchKind
from linkerd_destination.api import topics as module
from linkerd_destination.api.metrics import Metrics
from linkerd_destination.api.topics import TopicKey, Topics
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.objects import Pod, Service, ServicePort
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_testkit.ports import eventually


class Reader:
    def __init__(self) -> None:
        self.marks = 0

    def mark(self) -> None:
        self.marks += 1


class Bench:
    def __init__(self, *, opened: bool = True) -> None:
        self.index = Index(ClusterConfig())
        self.metrics = Metrics()
        self.topics = Topics(self.index, self.metrics)
        if opened:
            self.topics.open()

    def value(self, name: str) -> float | None:
        return self.metrics.registry.get_sample_value(name)


def key(target: str, namespace: str = "ns") -> TopicKey:
    return TopicKey(WatchKind.outbound, target, Caller(namespace))


def service(port: int) -> Service:
    return Service(namespace="ns", name="s", ips=("10.43.0.1",), ports=(ServicePort(port=port),))


async def test_nobody_is_answered_before_every_cache_has_listed() -> None:
    bench = Bench(opened=False)
    reader = Reader()
    topic = bench.topics.subscribe(key("10.0.0.1:80"), reader)
    bench.index.put(service(80))
    bench.topics.on_change()
    await asyncio.sleep(0)
    assert (reader.marks, topic.rendered) == (0, False)
    bench.topics.open()
    await eventually(lambda: reader.marks == 1)


async def test_one_rendering_for_all_who_ask_alike() -> None:
    bench = Bench()
    readers = [Reader() for _ in range(50)]
    for reader in readers:
        bench.topics.subscribe(key("10.43.0.1:80"), reader)
    assert bench.value("destination_renders_total") == 1
    bench.index.put(service(80))
    bench.topics.on_change()
    await eventually(lambda: all(r.marks == 2 for r in readers))
    assert bench.value("destination_renders_total") == 2


async def test_a_change_touches_only_its_readers() -> None:
    bench = Bench()
    for n in range(100):
        bench.topics.subscribe(key(f"10.44.0.{n}:80"), Reader())
    concerned = Reader()
    bench.topics.subscribe(key("10.43.0.1:80"), concerned)
    before = bench.value("destination_renders_total")
    bench.index.put(service(80))
    bench.topics.on_change()
    await eventually(lambda: concerned.marks == 2)
    assert bench.value("destination_renders_total") == (before or 0) + 1


async def test_a_topic_without_readers_is_forgotten() -> None:
    bench = Bench()
    reader = Reader()
    topic = bench.topics.subscribe(key("10.43.0.1:80"), reader)
    bench.topics.unsubscribe(topic, reader)
    bench.topics.unsubscribe(topic, reader)
    assert bench.value("destination_topics") == 0
    assert len(bench.topics._graph) == 0
    bench.index.put(service(80))
    bench.topics.on_change()
    await asyncio.sleep(0.01)
    assert reader.marks == 1


async def test_many_renderings_take_turns_with_the_loop() -> None:
    bench = Bench()
    readers = [Reader() for _ in range(350)]
    for n, reader in enumerate(readers):
        bench.topics.subscribe(key("10.43.0.1:80", f"ns-{n}"), reader)
    bench.index.put(service(80))
    bench.topics.on_change()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert 0 < sum(r.marks - 1 for r in readers) < 350
    await eventually(lambda: all(r.marks == 2 for r in readers))


async def test_what_a_reader_is_sent() -> None:
    bench = Bench()
    bench.index.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",)))
    topic = bench.topics.subscribe(key("10.0.0.1:80"), Reader())
    first = topic.version
    assert topic.tails("")[0] == "set"
    assert topic.tails(first)[0] == "current"
    bench.index.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",), service_account="a"))
    bench.topics.on_change()
    await eventually(lambda: topic.version != first)
    assert topic.tails(first)[0] == "delta"
    assert topic.tails("older")[0] == "set"
    second = topic.version
    bench.index.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",), service_account="b"))
    bench.topics.on_change()
    await eventually(lambda: topic.version != second)
    assert topic.tails(first)[0] == "set"


async def test_a_fault_in_rendering_keeps_the_last_good_document(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.index.put(service(80))
    reader = Reader()
    topic = bench.topics.subscribe(key("10.43.0.1:80"), reader)
    document = topic.document

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "render_outbound", broken)
    bench.index.put(service(81))
    bench.topics.on_change()
    await eventually(lambda: bench.value("destination_render_failures_total") == 1)
    assert topic.document is document
    other = bench.topics.subscribe(key("10.43.0.1:81"), Reader())
    assert other.tails("")[0] == "error"
    monkeypatch.undo()
    bench.index.put(service(82))
    bench.topics.on_change()
    await eventually(lambda: topic.document is not document)

"""The reflector against an API server that breaks, expires, repeats and reorders."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from libs.kube.tests.fake_api import FakeApi, Obj, until

from linkerd_kube import KubeClient, Reflector, Rejected, resources

PODS = "/api/v1/pods"


class Recorder:
    """A handler that keeps state as a cache would, and the calls as a transcript."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self.calls: list[str] = []

    def on_listed(self, objs: list[Obj], /) -> None:
        self.state = {o["metadata"]["name"]: o.get("v", "") for o in objs}
        self.calls.append("listed " + ",".join(sorted(self.state)))

    def on_applied(self, obj: Obj, /) -> None:
        self.state[obj["metadata"]["name"]] = obj.get("v", "")
        self.calls.append(f"applied {obj['metadata']['name']} {obj.get('v', '')}")

    def on_deleted(self, obj: Obj, /) -> None:
        self.state.pop(obj["metadata"]["name"], None)
        self.calls.append(f"deleted {obj['metadata']['name']}")


def pod(name: str, v: str = "") -> Obj:
    return {"metadata": {"name": name, "namespace": "ns"}, "v": v}


@pytest.fixture
async def recorder(api: FakeApi, client: KubeClient) -> AsyncIterator[Recorder]:
    handler = Recorder()
    reflector = Reflector(client, resources.PODS, handler)
    api.put(PODS, pod("a", "1"))
    task = asyncio.create_task(reflector.run())
    await asyncio.wait_for(reflector.synced.wait(), 30)
    await until(lambda: api.watching(PODS))
    yield handler
    task.cancel()
    await asyncio.wait((task,))


async def test_lists_then_follows(api: FakeApi, recorder: Recorder) -> None:
    api.put(PODS, pod("b", "1"))
    api.put(PODS, pod("a", "2"))
    api.remove(PODS, "ns", "b")
    await until(lambda: len(recorder.calls) == 4)
    assert recorder.calls == ["listed a", "applied b 1", "applied a 2", "deleted b"]


async def test_pages(api: FakeApi, client: KubeClient) -> None:
    for n in range(7):
        api.put(PODS, pod(f"p{n}"))
    listed = await client.list(resources.PODS, limit=3)
    assert [o["metadata"]["name"] for o in listed.items] == [f"p{n}" for n in range(7)]
    assert listed.resource_version == str(api.version)
    assert listed.items[0]["kind"] == "Pod"
    assert [m for m, _ in api.requests] == ["GET"] * 3


async def test_duplicates_and_stale_events_are_not_delivered(api: FakeApi, recorder: Recorder) -> None:
    old = api.put(PODS, pod("a", "2"))
    new = api.put(PODS, pod("a", "3"))
    api.send(PODS, {"type": "MODIFIED", "object": new})
    api.send(PODS, {"type": "MODIFIED", "object": old})
    api.send(PODS, {"type": "DELETED", "object": old})
    api.remove(PODS, "ns", "a")
    api.send(PODS, {"type": "ADDED", "object": new})
    api.put(PODS, pod("end"))
    await until(lambda: "end" in recorder.state)
    assert recorder.calls == ["listed a", "applied a 2", "applied a 3", "deleted a", "applied end "]


async def test_a_broken_watch_resumes_without_listing(api: FakeApi, recorder: Recorder) -> None:
    api.put(PODS, pod("a", "2"))
    await until(lambda: recorder.state == {"a": "2"})
    api.break_watches()
    api.put(PODS, pod("a", "3"))
    await until(lambda: recorder.state == {"a": "3"})
    assert [c for c in recorder.calls if c.startswith("listed")] == ["listed a"]


async def test_bookmarks_move_the_version_on(api: FakeApi, recorder: Recorder) -> None:
    api.version = 500
    api.bookmark(PODS)
    api.put(PODS, pod("b"))
    await until(lambda: "b" in recorder.state)
    api.bookmark(PODS, 100)  # an old one does not move it back
    api.oldest = 500
    api.break_watches()
    api.put(PODS, pod("c"))
    await until(lambda: "c" in recorder.state)
    assert recorder.calls[0] == "listed a"
    assert not any(c.startswith("listed") for c in recorder.calls[1:])


async def test_410_lists_again(api: FakeApi, recorder: Recorder) -> None:
    api.oldest = 10_000
    api.version = 10_000
    api.break_watches()
    del api.objects[PODS][("ns", "a")]
    api.put(PODS, pod("z", "9"))
    await until(lambda: recorder.state == {"z": "9"})
    assert recorder.calls[-1] == "listed z"


async def test_410_as_a_status_lists_again(api: FakeApi, recorder: Recorder) -> None:
    api.fail_watch = [410]
    api.break_watches()
    await until(lambda: recorder.calls.count("listed a") == 2)


async def test_nonsense_on_the_stream_lists_again(api: FakeApi, recorder: Recorder) -> None:
    api.send(PODS, b"<html>")
    await until(lambda: recorder.calls.count("listed a") == 2)


async def test_failures_are_survived(api: FakeApi, recorder: Recorder) -> None:
    api.fail_watch = [500, 503]
    api.break_watches()
    await until(lambda: not api.fail_watch)
    api.put(PODS, pod("b"))
    await until(lambda: "b" in recorder.state)


class Narrow(msgspec.Struct):
    metadata: Obj
    v: int


async def test_an_unreadable_object_disables_only_itself(api: FakeApi, client: KubeClient) -> None:
    rejected: list[Rejected] = []
    seen: list[tuple[str, int]] = []

    class Handler:
        def on_listed(self, objs: list[Narrow], /) -> None:
            seen.extend(("listed", o.v) for o in objs)

        def on_applied(self, obj: Narrow, /) -> None:
            seen.append(("applied", obj.v))

        def on_deleted(self, obj: Narrow, /) -> None:
            seen.append(("deleted", obj.v))

    api.put(PODS, {"metadata": {"name": "good", "namespace": "ns"}, "v": 1})
    api.put(PODS, {"metadata": {"name": "bad", "namespace": "ns"}, "v": "x"})
    decoder = msgspec.json.Decoder(Narrow)
    reflector = Reflector(client, resources.PODS, Handler(), decode=decoder.decode, on_rejected=rejected.append)
    task = asyncio.create_task(reflector.run())
    await until(lambda: api.watching(PODS))
    api.put(PODS, {"metadata": {"name": "good", "namespace": "ns"}, "v": "worse"})
    api.put(PODS, {"metadata": {"name": "good", "namespace": "ns"}, "v": 3})
    await until(lambda: len(seen) == 3)
    task.cancel()
    await asyncio.wait((task,))
    assert seen == [("listed", 1), ("deleted", 1), ("applied", 3)]
    assert [(r.meta.name, r.resource) for r in rejected] == [("bad", resources.PODS), ("good", resources.PODS)]
    assert reflector.get("ns", "good") == seen_struct(reflector)
    assert len(reflector) == 1


def seen_struct(reflector: Reflector[Narrow]) -> Narrow:
    return reflector.objects()[0]


async def test_an_absent_optional_kind_is_empty(api: FakeApi, client: KubeClient) -> None:
    api.absent.add("/apis/linkerd.io/v1alpha2/serviceprofiles")
    handler = Recorder()
    reflector = Reflector(client, resources.SERVICE_PROFILES, handler, optional=True)
    task = asyncio.create_task(reflector.run())
    await asyncio.wait_for(reflector.synced.wait(), 30)
    assert handler.calls == ["listed "]
    task.cancel()
    await asyncio.wait((task,))


async def test_an_optional_kind_is_read_at_the_version_that_is_served(
    api: FakeApi, client: KubeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linkerd_kube.reflector._ABSENT_SECONDS", 0.01)
    first, second = resources.TRAFFIC_SPLITS, resources.TRAFFIC_SPLITS_V1ALPHA1
    api.absent |= {first.path(), second.path()}
    handler = Recorder()
    reflector = Reflector(client, first, handler, optional=True, alternatives=(second,))
    task = asyncio.create_task(reflector.run())
    await asyncio.wait_for(reflector.synced.wait(), 30)
    assert handler.calls == ["listed "]
    api.absent.remove(second.path())
    await until(lambda: api.watching(second.path()))
    api.put(second.path(), {"metadata": {"name": "s", "namespace": "ns"}})
    await until(lambda: len(reflector) == 1)
    task.cancel()
    await asyncio.wait((task,))


async def test_a_handlers_bug_is_loud(api: FakeApi, client: KubeClient) -> None:
    class Broken(Recorder):
        def on_listed(self, objs: list[Obj], /) -> None:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Reflector(client, resources.PODS, Broken()).run()

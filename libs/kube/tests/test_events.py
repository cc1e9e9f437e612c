"""Events are written once, counted afterwards, and never fail their caller."""

from libs.kube.tests.fake_api import FakeApi, Obj

from linkerd_kube import EventRecorder, KubeClient, ObjectRef

EVENTS = "/api/v1/events"
POD = ObjectRef("Pod", "p", "ns", "u")


def events(api: FakeApi) -> list[Obj]:
    return list(api.objects.get(EVENTS, {}).values())


async def test_repetitions_are_counted(api: FakeApi, client: KubeClient) -> None:
    recorder = EventRecorder(client, "linkerd-destination", "pod-1")
    for _ in range(3):
        await recorder.record(POD, "Warning", "Unreadable", "bad")
    await recorder.record(POD, "Warning", "Unreadable", "worse")
    first, second = events(api)
    assert (first["count"], first["message"], first["type"]) == (3, "bad", "Warning")
    assert first["involvedObject"] == {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "ns", "uid": "u"}
    assert first["source"] == {"component": "linkerd-destination", "host": "pod-1"}
    assert first["metadata"]["namespace"] == "ns"
    assert second["count"] == 1


async def test_an_event_deleted_meanwhile_is_written_again(api: FakeApi, client: KubeClient) -> None:
    recorder = EventRecorder(client, "c")
    await recorder.record(POD, "Normal", "R", "m")
    api.objects[EVENTS].clear()
    await recorder.record(POD, "Normal", "R", "m")
    assert [e["count"] for e in events(api)] == [1]


async def test_cluster_scoped_objects_have_theirs_in_default(api: FakeApi, client: KubeClient) -> None:
    await EventRecorder(client, "c").record(ObjectRef("Namespace", "ns"), "Normal", "R", "m")
    assert events(api)[0]["metadata"]["namespace"] == "default"


async def test_a_refusal_is_only_logged(api: FakeApi, client: KubeClient) -> None:
    api.fail = [403]
    await EventRecorder(client, "c").record(POD, "Normal", "R", "m")
    assert events(api) == []


async def test_a_storm_spares_the_api_server(api: FakeApi, client: KubeClient) -> None:
    recorder = EventRecorder(client, "c")
    for n in range(200):
        await recorder.record(POD, "Normal", "R", f"message {n}")
    assert len(events(api)) <= 26


async def test_a_long_message_is_cut(api: FakeApi, client: KubeClient) -> None:
    await EventRecorder(client, "c").record(POD, "Normal", "R", "x" * 5000)
    assert len(events(api)[0]["message"]) == 1024

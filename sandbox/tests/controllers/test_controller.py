"""The loop: each key once, failures again, one bad object stops nobody."""

import asyncio
from typing import ClassVar, cast

import pytest

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, Forbidden, NotFound
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.resources import CONFIG_MAPS, PODS
from linkerd_sandbox.controllers.actions import Create, Delete, Key, Patch, Plan
from linkerd_sandbox.controllers.controller import Controller, Executor


class Api:
    """Records requests; what is named "missing" does not exist, "broken" fails."""

    def __init__(self) -> None:
        self.requests: list[str] = []

    def _answer(self, verb: str, path: str) -> JsonObject:
        self.requests.append(f"{verb} {path.rpartition('/')[2]}")
        if path.endswith("missing"):
            raise NotFound(404, "NotFound", path)
        if path.endswith("broken"):
            raise ApiError(500, "InternalError", path)
        return {}

    async def create(self, path: str, body: JsonObject) -> JsonObject:
        return self._answer("create", f"{path}/{body['metadata']['name']}")

    async def patch(self, path: str, body: JsonObject) -> JsonObject:
        return self._answer("patch", path)

    async def delete(self, path: str, body: JsonObject) -> JsonObject:
        return self._answer("delete", path)


def executor(api: Api) -> Executor:
    client = cast(KubeClient, api)
    return Executor(client, {}, EventRecorder(client, "test"))


def create(name: str) -> Create:
    return Create(CONFIG_MAPS, "default", {"metadata": {"name": name}})


async def test_actions_in_order() -> None:
    api = Api()
    actions = (
        create("a"),
        create("b"),
        Patch(CONFIG_MAPS, "default", "c", {}),
        Delete(CONFIG_MAPS, "default", "d", "u"),
    )
    await executor(api).run(actions)
    assert api.requests == ["create a", "create b", "patch c", "delete d"]


async def test_a_deletion_of_what_is_gone_is_done() -> None:
    await executor(Api()).run((Delete(CONFIG_MAPS, "default", "missing", "u"),))


async def test_a_failure_stops_what_follows() -> None:
    api = Api()
    with pytest.raises(ApiError):
        await executor(api).run((Patch(CONFIG_MAPS, "default", "broken", {}), Patch(CONFIG_MAPS, "default", "c", {})))
    assert api.requests == ["patch broken"]


async def test_owners_are_told_what_became_of_a_creation() -> None:
    class Recorder:
        told: ClassVar[list[tuple[str, str, str, str]]] = []

        async def record(self, about: ObjectRef, kind: str, reason: str, message: str) -> None:
            self.told.append((about.name, kind, reason, message))

    class Refusing(Api):
        async def create(self, path: str, body: JsonObject) -> JsonObject:
            if body["metadata"]["name"] == "bad":
                raise Forbidden(403, "Forbidden", 'pods "bad" is forbidden: no')
            return body

    run = Executor(cast(KubeClient, Refusing()), {}, cast(EventRecorder, Recorder()))
    owner: JsonObject = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "r", "namespace": "n"}}
    await run.run((Create(PODS, "n", {"metadata": {"name": "good"}}, owner),))
    with pytest.raises(Forbidden):
        await run.run((Create(PODS, "n", {"metadata": {"name": "bad"}}, owner),))
    async with asyncio.timeout(30):
        while len(Recorder.told) < 2:
            await asyncio.sleep(0)
    assert Recorder.told == [
        ("r", "Normal", "SuccessfulCreate", "Created pod: good"),
        ("r", "Warning", "FailedCreate", 'Error creating: pods "bad" is forbidden: no'),
    ]


async def test_each_key_once_and_failures_again() -> None:
    seen: list[Key] = []
    enough = asyncio.Event()

    def reconcile(key: Key) -> Plan:
        seen.append(key)
        if seen.count(("", "bug")) == 2 and ("", "later") in seen:
            enough.set()
        if key == ("", "bug"):
            raise RuntimeError("a bug")
        return Plan(again_in=0.01) if key == ("", "soon") and seen.count(key) == 1 else Plan()

    controller = Controller("test", reconcile, executor(Api()))
    for name in ("bug", "soon", "soon", "soon"):
        controller.enqueue(("", name))
    running = asyncio.create_task(controller.run())
    controller.enqueue(("", "later"))
    await asyncio.wait_for(enough.wait(), 30)
    running.cancel()
    assert seen[:3] == [("", "bug"), ("", "soon"), ("", "later")]
    assert seen.count(("", "soon")) == 2
    assert seen.count(("", "bug")) == 2

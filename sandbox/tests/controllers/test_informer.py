"""The shared picture of a kind: owners, listeners, waiting for one's own writes."""

import asyncio
from typing import cast

from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.client import KubeClient
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.controllers.informer import Informer, key_of


class NoApi:
    """The informer is fed by hand."""


def informer() -> Informer:
    return Informer(cast(KubeClient, NoApi()), PODS)


def owned(name: str, owner: str, version: int) -> JsonObject:
    return a_pod(
        name, resourceVersion=str(version), ownerReferences=[{"uid": owner, "controller": True, "name": owner}]
    )


async def test_objects_by_owner() -> None:
    pods = informer()
    pods.on_listed([owned("a", "one", 1), owned("b", "one", 2), owned("c", "two", 3)])
    assert [key_of(pod)[1] for pod in pods.controlled_by("one")] == ["a", "b"]
    pods.on_applied(owned("b", "two", 4))
    pods.on_deleted(owned("c", "two", 5))
    assert [key_of(pod)[1] for pod in pods.controlled_by("one")] == ["a"]
    assert [key_of(pod)[1] for pod in pods.controlled_by("two")] == ["b"]
    assert pods.get(("default", "c")) is None


async def test_listeners_hear_of_what_a_new_list_lacks() -> None:
    pods = informer()
    heard: list[str] = []
    pods.listen(lambda pod: heard.append(f"{key_of(pod)[1]} {pods.get(key_of(pod)) is not None}"))
    pods.on_listed([owned("a", "one", 1), owned("b", "one", 2)])
    pods.on_listed([owned("b", "one", 2)])
    assert heard == ["a True", "b True", "a False", "b True"]


async def test_listeners_hear_of_the_labels_that_were() -> None:
    pods = informer()
    heard: list[JsonObject] = []
    pods.on_applied(a_pod("a", labels={"app": "old"}))
    pods.listen(lambda pod: heard.append(pod["metadata"]["labels"]))
    pods.on_applied(a_pod("a", labels={"app": "new"}))
    pods.on_applied(a_pod("a", labels={"app": "new"}))
    assert heard == [{"app": "old"}, {"app": "new"}, {"app": "new"}]


async def test_items_of_a_list_get_their_kind() -> None:
    pods = informer()
    bare = {key: value for key, value in owned("a", "one", 1).items() if key not in ("kind", "apiVersion")}
    pods.on_listed([bare])
    found = pods.get(("default", "a"))
    assert found is not None
    assert (found["kind"], found["apiVersion"]) == ("Pod", "v1")


async def test_a_writer_waits_for_its_write() -> None:
    pods = informer()
    waiting = asyncio.create_task(pods.caught_up({"metadata": {"resourceVersion": "7"}}))
    pods.on_applied(owned("a", "one", 6))
    await asyncio.sleep(0)
    assert not waiting.done()
    pods.on_applied(owned("b", "one", 7))
    await asyncio.wait_for(waiting, 30)
    await asyncio.wait_for(pods.caught_up({"metadata": {"resourceVersion": "not a number"}}), 30)


async def test_a_deleter_waits_until_it_goes() -> None:
    pods = informer()
    pods.on_applied(owned("a", "one", 1))
    waiting = asyncio.create_task(pods.missing(("default", "a"), "a"))
    await asyncio.sleep(0)
    assert not waiting.done()
    pods.on_applied(a_pod("a", resourceVersion="2", deletionTimestamp="now"))
    await asyncio.wait_for(waiting, 30)

"""Owners of pods."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from services.injector.tests.helpers import pod

from linkerd_injector.owners import Owners, controller_of
from linkerd_kube import KubeClient
from linkerd_testkit.kube import FakeKube

REPLICA_SET = "/apis/apps/v1/namespaces/emojivoto/replicasets/web-1"


@pytest.fixture
async def owners(kube: FakeKube) -> AsyncIterator[Owners]:
    async with aiohttp.ClientSession() as session:
        yield Owners(KubeClient(kube.url, session))


async def test_through_the_replica_set_and_asked_once(kube: FakeKube, owners: Owners) -> None:
    for _ in range(3):
        owner = await owners.of(pod()["metadata"], "emojivoto")
        assert (owner.kind, owner.name) == ("deployment", "web")
        assert owner.reference is not None
        assert (owner.reference.kind, owner.reference.uid, owner.reference.namespace) == (
            "Deployment",
            "web-uid",
            "emojivoto",
        )
    assert kube.requests.count(f"GET {REPLICA_SET}") == 1


async def test_a_replica_set_of_its_own(kube: FakeKube, owners: Owners) -> None:
    kube.put(REPLICA_SET, {})
    owner = await owners.of(pod()["metadata"], "emojivoto")
    assert (owner.kind, owner.name) == ("replicaset", "web-1")


async def test_what_cannot_be_read_stays_at_the_replica_set_and_is_asked_again(kube: FakeKube, owners: Owners) -> None:
    kube.down = True
    assert (await owners.of(pod()["metadata"], "emojivoto")).kind == "replicaset"
    kube.down = False
    assert (await owners.of(pod()["metadata"], "emojivoto")).kind == "deployment"


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet", "Job", "ReplicationController", "Workflow"])
async def test_other_controllers(owners: Owners, kind: str) -> None:
    metadata = {"ownerReferences": [{"kind": kind, "name": "x", "uid": "u", "controller": True}]}
    owner = await owners.of(metadata, "emojivoto")
    assert (owner.kind, owner.name) == (kind.lower(), "x")


async def test_a_pod_of_its_own(owners: Owners) -> None:
    owner = await owners.of({"name": "lonely"}, "emojivoto")
    assert (owner.kind, owner.name, owner.reference) == ("pod", "lonely", None)


@pytest.mark.parametrize(
    "references", [None, "x", [], [5], [{}], [{"kind": "A"}], [{"kind": 5, "name": "a"}], {"kind": "A"}]
)
def test_malformed_references_are_none(references: Any) -> None:
    assert controller_of({"ownerReferences": references}, "ns") is None

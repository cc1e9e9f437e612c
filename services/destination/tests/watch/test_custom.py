"""Custom kinds: their decoders, their versions, and watches of them over HTTP."""

import asyncio
import json

import aiohttp
import pytest
from libs.kube.tests.fake_api import FakeApi
from services.destination.tests.harness import put
from services.destination.tests.watch.test_feed import Run

from linkerd_destination.watch.custom import KINDS, versions_of
from linkerd_kube import resources
from linkerd_testkit.ports import eventually

BAD = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: bad.ns.svc.cluster.local, namespace: ns, uid: u}
spec: {routes: [{name: a, condition: {pathRegex: "("}}]}
"""
GOOD = BAD.replace("bad.", "good.").replace('"("', '"/a"')
PROFILES = "/apis/linkerd.io/v1alpha2/serviceprofiles"


def test_versions() -> None:
    assert [r.version for r in versions_of("policy.linkerd.io", "Server")] == ["v1beta3", "v1beta2", "v1beta1"]
    assert len({kind.name for kind in KINDS}) == len(KINDS)


def test_unknown_fields_are_passed_over_and_serious_faults_are_not() -> None:
    [profiles] = [kind for kind in KINDS if kind.resource == resources.SERVICE_PROFILES]
    spec = {"routes": [{"name": "a", "condition": {"method": "GET"}, "newer": 1}]}
    profiles.decode(json.dumps({"metadata": {"name": "a", "namespace": "b"}, "spec": spec}).encode())
    with pytest.raises(ValueError, match="spec: is required"):
        profiles.decode(b'{"metadata": {"name": "a"}}')


async def test_a_bad_object_disables_only_itself(api: FakeApi) -> None:
    async with aiohttp.ClientSession() as session:
        run = Run(api, session)
        await eventually(lambda: api.watching(PROFILES))
        put(api, GOOD)
        put(api, BAD)
        await eventually(lambda: bool(run.sink.problems))
        [(ref, reason, message)] = run.sink.problems
        assert (ref.kind, ref.name, ref.api_version, reason) == (
            "ServiceProfile",
            "bad.ns.svc.cluster.local",
            "linkerd.io/v1alpha2",
            "Unreadable",
        )
        assert "spec.routes[0].condition.pathRegex" in message
        assert run.index.view().profile("ns", "good.ns.svc.cluster.local") is not None
        assert run.index.view().profile("ns", "bad.ns.svc.cluster.local") is None
        run.task.cancel()
        await asyncio.wait((run.task,))


async def test_a_kind_that_is_served_at_an_older_version_or_not_at_all(api: FakeApi) -> None:
    api.absent |= {resource.path() for resource in versions_of("gateway.networking.k8s.io", "GRPCRoute")}
    api.absent.add(resources.TRAFFIC_SPLITS.path())
    async with aiohttp.ClientSession() as session:
        run = Run(api, session)
        await eventually(lambda: {kind.name for kind in KINDS} <= run.sink.synced)
        split = {
            "metadata": {"name": "s", "namespace": "ns"},
            "spec": {"service": "a", "backends": [{"service": "b", "weight": 1}]},
        }
        api.put(resources.TRAFFIC_SPLITS_V1ALPHA1.path(), split)
        await eventually(lambda: run.index.sizes()["splits"] == 1)
        run.task.cancel()
        await asyncio.wait((run.task,))

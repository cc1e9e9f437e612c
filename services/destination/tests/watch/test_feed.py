"""Watches into the index, over HTTP from a fake API server."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from libs.kube.tests.fake_api import FakeApi
from services.destination.tests.harness import COLLECTIONS, put

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.state import Index
from linkerd_destination.watch.custom import KINDS
from linkerd_destination.watch.feed import Feed
from linkerd_kube import KubeClient, ObjectRef
from linkerd_testkit.ports import eventually

V1BETA1 = "/apis/discovery.k8s.io/v1beta1/endpointslices"


class Sink:
    def __init__(self) -> None:
        self.changes = 0
        self.trust: list[str] = []
        self.problems: list[tuple[ObjectRef, str, str]] = []
        self.synced: set[str] = set()

    def on_change(self) -> None:
        self.changes += 1

    def on_trust(self, bundle: str) -> None:
        self.trust.append(bundle)

    def on_event(self, kind: str) -> None:
        """Counted elsewhere."""

    def on_problem(self, ref: ObjectRef, reason: str, message: str) -> None:
        self.problems.append((ref, reason, message))


class Run:
    def __init__(self, api: FakeApi, session: aiohttp.ClientSession) -> None:
        self.api = api
        self.index = Index(ClusterConfig())
        self.sink = Sink()
        feed = Feed(KubeClient(api.url, session), self.index, self.sink)
        self.task = asyncio.create_task(feed.run(self.sink.synced.add))


@pytest.fixture
async def run(api: FakeApi) -> AsyncIterator[Run]:
    api.absent.add(COLLECTIONS["EndpointSlice"])
    async with aiohttp.ClientSession() as session:
        made = Run(api, session)
        yield made
        made.task.cancel()
        await asyncio.wait((made.task,))


async def test_every_cache_is_named_once_it_has_listed(run: Run) -> None:
    expected = {"configuration", "trust bundle", "namespaces", "nodes", "services", "pods", "endpointslices"}
    expected |= {kind.name for kind in KINDS}
    await eventually(lambda: run.sink.synced == expected)
    assert run.sink.trust == []


async def test_slices_of_v1beta1_where_v1_is_not_served(run: Run, api: FakeApi) -> None:
    await eventually(lambda: api.watching(V1BETA1))
    api.put(V1BETA1, {"metadata": {"name": "s-1", "namespace": "ns", "labels": {"kubernetes.io/service-name": "s"}}})
    await eventually(lambda: run.index.sizes()["endpointslices"] == 1)


async def test_configuration_comes_and_goes(run: Run, api: FakeApi) -> None:
    await eventually(lambda: "configuration" in run.sink.synced)

    def configure(policy: str) -> None:
        name = {"name": "linkerd-config", "namespace": "linkerd"}
        values = f'{{"proxy":{{"defaultInboundPolicy":"{policy}"}}}}'
        api.put(COLLECTIONS["ConfigMap"], {"metadata": name, "data": {"values": values}})

    configure("deny")
    await eventually(lambda: run.index.config.default_inbound_policy == "deny")
    configure("nonsense")
    await eventually(lambda: run.index.config.default_inbound_policy == "all-unauthenticated")
    assert [(ref.name, reason) for ref, reason, _ in run.sink.problems] == [("linkerd-config", "InvalidValue")]
    configure("audit")
    await eventually(lambda: run.index.config.default_inbound_policy == "audit")
    api.remove(COLLECTIONS["ConfigMap"], "linkerd", "linkerd-config")
    await eventually(lambda: run.index.config.default_inbound_policy == "all-unauthenticated")


async def test_the_last_trust_bundle_stays(run: Run, api: FakeApi) -> None:
    name = {"name": "linkerd-identity-trust-roots", "namespace": "linkerd"}
    for bundle in ("one", "", "two"):
        api.put(COLLECTIONS["ConfigMap"], {"metadata": name, "data": {"ca-bundle.crt": bundle}})
    await eventually(lambda: run.sink.trust[-1:] == ["two"])
    api.remove(COLLECTIONS["ConfigMap"], "linkerd", "linkerd-identity-trust-roots")
    put(api, "kind: Namespace\nmetadata: {name: end}")
    await eventually(lambda: run.index.sizes()["namespaces"] == 1)
    assert "" not in run.sink.trust


async def test_a_bad_object_leaves_the_others(run: Run, api: FakeApi) -> None:
    await eventually(lambda: "pods" in run.sink.synced)
    put(api, "kind: Pod\nmetadata: {name: bad, namespace: ns, uid: u}\nstatus: {podIP: nonsense}")
    put(api, "kind: Pod\nmetadata: {name: good, namespace: ns}\nstatus: {podIP: 10.0.0.1}")
    await eventually(lambda: run.index.view().pod_at("10.0.0.1") is not None)
    [(ref, reason, message)] = run.sink.problems
    assert (ref.name, ref.uid, reason) == ("bad", "u", "Unreadable")
    assert "nonsense" in message
    api.remove(COLLECTIONS["Pod"], "ns", "good")
    await eventually(lambda: run.index.sizes()["pods"] == 0)

"""Watches that break, expire, repeat and lie never leave a stale answer: the feed against a model, over HTTP.

The model is an index built from what the API server holds in the end. The server ends watches, compacts its history
(410), fails requests, delivers events twice and old ones again, and takes kinds away; kinds are watched apart, so their
events come in any order.
"""

import asyncio
import copy
import json
from typing import Any
from unittest.mock import patch

import aiohttp
import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from libs.kube.tests.fake_api import FakeApi, Obj
from services.destination.tests.harness import COLLECTIONS
from services.destination.tests.index.test_state import answer
from services.destination.tests.watch.test_feed import Sink
from services.destination.tests.world import load

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.graph import Graph
from linkerd_destination.index.state import Index
from linkerd_destination.watch.custom import KINDS
from linkerd_destination.watch.feed import Feed
from linkerd_kube import KubeClient
from linkerd_kube.backoff import Backoff

OBJECTS = """
kind: Namespace
metadata: {name: ns, annotations: {config.linkerd.io/default-inbound-policy: POLICY}}
---
kind: Service
metadata: {name: NAME, namespace: ns}
spec: {clusterIP: 10.43.0.IP, ports: [{name: http, port: 80}]}
---
kind: Pod
metadata: {name: NAME, namespace: ns, labels: {app: NAME, linkerd.io/control-plane-ns: linkerd}}
spec: {serviceAccountName: NAME, containers: [{name: linkerd-proxy}, {name: app, ports: [{containerPort: 80}]}]}
status: {podIP: 10.0.0.IP}
---
kind: Pod
metadata: {name: NAME, namespace: ns}
status: {podIP: nonsense}
---
kind: EndpointSlice
metadata: {name: NAME-x, namespace: ns, labels: {kubernetes.io/service-name: NAME}}
addressType: IPv4
ports: [{name: http, port: 80}]
endpoints: [{addresses: [10.0.0.IP], targetRef: {kind: Pod, namespace: ns, name: NAME}}]
---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: split, namespace: ns}
spec: {service: NAME, backends: [{service: a, weight: WEIGHT}, {service: b, weight: 1}]}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: NAME, namespace: ns}
spec: {podSelector: {matchLabels: {app: NAME}}, port: 80, accessPolicy: POLICY}
---
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: NAME, namespace: ns}
spec:
  parentRefs: [{group: core, kind: Service, name: NAME, port: 80}]
  rules: [{backendRefs: [{name: b, port: 80, weight: WEIGHT}]}]
"""
CHANGES = st.builds(
    lambda number, name, ip, weight, policy: [
        *yaml.safe_load_all(
            OBJECTS.replace("NAME", name).replace("IP", ip).replace("WEIGHT", weight).replace("POLICY", policy)
        )
    ][number],
    st.integers(0, OBJECTS.count("kind:") - 4),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["0", "1", "-1"]),
    st.sampled_from(["deny", "audit", "all-unauthenticated"]),
)
TARGETS = ["a.ns.svc.cluster.local:80", "b.ns.svc.cluster.local:80", "10.43.0.1:80", "10.0.0.1:80", "10.0.0.2:80"]
CUSTOM = {(k.resource.api_version, k.resource.kind): k.resource.path() for k in KINDS}
PATHS = st.sampled_from(
    [*COLLECTIONS.values(), *(p for (_, kind), p in CUSTOM.items() if kind in ("Server", "HTTPRoute"))]
)
SLICES = COLLECTIONS["EndpointSlice"]
SPLITS = CUSTOM["split.smi-spec.io/v1alpha2", "TrafficSplit"]


def collection(obj: Obj) -> str:
    return COLLECTIONS.get(obj["kind"]) or CUSTOM[obj["apiVersion"], obj["kind"]]


class Faults(RuleBasedStateMachine):
    """One cluster, its feed, and answers that are rendered again only when the graph says so."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.patches: list[Any] = [
            patch("linkerd_kube.reflector.Backoff", lambda *_: Backoff(0.001, 0.01)),
            patch("linkerd_destination.watch.feed.Backoff", lambda *_: Backoff(0.001, 0.01)),
            patch("linkerd_kube.reflector._ABSENT_SECONDS", 0.02),
        ]
        for one in self.patches:
            one.start()
        self.loop.run_until_complete(self.start())

    async def start(self) -> None:
        self.api = FakeApi()
        await self.api.__aenter__()
        self.api.absent |= {SPLITS.replace("v1alpha2", "v1alpha1"), SLICES.replace("v1", "v1beta1")}
        self.session = aiohttp.ClientSession()
        self.index = Index(ClusterConfig())
        self.graph: Graph[str] = Graph()
        self.answers: dict[str, bytes] = {}
        self.sent: list[tuple[str, Obj]] = []
        sink = Sink()
        self.feed = asyncio.create_task(
            Feed(KubeClient(self.api.url, self.session), self.index, sink).run(sink.synced.add)
        )

    def teardown(self) -> None:
        try:
            self.loop.run_until_complete(self.settled())
        finally:
            self.loop.run_until_complete(self.stop())
            for one in self.patches:
                one.stop()
            self.loop.close()

    async def stop(self) -> None:
        self.feed.cancel()
        await asyncio.wait((self.feed,))
        await self.session.close()
        await self.api.__aexit__()

    def pause(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @initialize()
    def begin(self) -> None:
        """Enough for every target to have an answer."""
        for name, ip in (("a", "1"), ("b", "2")):
            text = OBJECTS.replace("NAME", name).replace("IP", ip).replace("WEIGHT", "1").replace("POLICY", "audit")
            for obj in yaml.safe_load_all(text):
                if obj.get("status") != {"podIP": "nonsense"}:
                    self.put(obj)

    @rule(obj=CHANGES)
    def put(self, obj: Obj) -> None:
        stored = self.api.put(collection(obj), copy.deepcopy(obj))
        self.sent.append((collection(obj), stored))

    @rule(obj=CHANGES, pause=st.booleans())
    def put_and_hear_of_an_older_state(self, obj: Obj, pause: bool) -> None:
        path, meta = collection(obj), obj["metadata"]
        before = self.api.objects.get(path, {}).get((meta.get("namespace", ""), meta["name"]))
        self.put(obj)
        if pause:
            self.pause(0.01)
        if before is not None:
            self.api.send(path, {"type": "MODIFIED", "object": before}, meta.get("namespace", ""))

    @rule(obj=CHANGES)
    def remove(self, obj: Obj) -> None:
        meta = obj["metadata"]
        path, key = collection(obj), (meta.get("namespace", ""), meta["name"])
        if key in self.api.objects.get(path, {}):
            self.api.remove(path, *key)

    @rule(path=PATHS)
    def break_a_watch(self, path: str) -> None:
        self.api.break_watches(path)

    @rule(everything=st.booleans(), path=PATHS)
    def compact(self, everything: bool, path: str) -> None:
        """Whoever watches again from before is told 410."""
        self.api.oldest = self.api.version
        self.api.break_watches(None if everything else path)

    @rule(status=st.sampled_from([429, 500, 503]), times=st.integers(1, 3))
    def fail(self, status: int, times: int) -> None:
        self.api.fail += [status] * times
        self.api.break_watches()

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), kind=st.sampled_from(["ADDED", "MODIFIED"]))
    def deliver_again(self, data: st.DataObject, kind: str) -> None:
        """An event that came already, or one that is older than what is known."""
        path, obj = data.draw(st.sampled_from(self.sent))
        # Of objects that are there: what a server says of one that is gone comes before its end (see History).
        meta = obj["metadata"]
        if (meta.get("namespace", ""), meta["name"]) in self.api.objects.get(path, {}):
            self.api.send(path, {"type": kind, "object": obj}, meta.get("namespace", ""))

    @rule(path=PATHS)
    def bookmark(self, path: str) -> None:
        self.api.bookmark(path)

    @rule(path=PATHS)
    def nonsense(self, path: str) -> None:
        self.api.send(path, b"{ nonsense", "ns")

    @rule()
    def take_a_kind_away_or_bring_it(self) -> None:
        self.api.absent ^= {SPLITS}
        self.api.break_watches(SPLITS)

    @rule(seconds=st.sampled_from([0.0, 0.002, 0.02]))
    def wait(self, seconds: float) -> None:
        self.pause(seconds)
        self.render()

    def render(self) -> None:
        """As the service does: what read a changed fact, and nothing else."""
        changed = self.index.drain()
        for target in {*self.graph.readers(changed), *(t for t in [*TARGETS, "ns/a", "ns/b"] if t not in self.answers)}:
            self.answers[target], facts = answer(self.index, target)
            self.graph.record(target, facts)

    def model(self) -> dict[str, bytes]:
        fresh = Index(ClusterConfig())
        for path, objects in self.api.objects.items():
            for obj in objects.values() if path not in self.api.absent else ():
                try:
                    for read in load(json.dumps(obj)):
                        fresh.put(read)
                except ValueError:
                    continue  # as if it were not there
        return {target: answer(fresh, target)[0] for target in [*TARGETS, "ns/a", "ns/b"]}

    async def settled(self) -> None:
        """Everything that the server has arrives in the end, without anybody's help."""
        self.api.fail.clear()
        expected = self.model()
        async with asyncio.timeout(30):
            while True:
                self.render()
                if self.answers == expected:
                    return
                assert not self.feed.done(), self.feed
                await asyncio.sleep(0.005)


TestFaults = Faults.TestCase
TestFaults.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

"""Hostile AdmissionReviews over TLS: always a valid review back or 400, never a 500, never a hang.

Whole reviews of every kind that the webhooks read, with some of their parts replaced by others; and bytes that are
none. A slice in `make test`, more in `make fuzz`.
"""

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.injector.tests.helpers import Obj, Running, patched, pod, review, running

from linkerd_injector.validate import READERS
from linkerd_rules.injection.annotations import SETTINGS
from linkerd_testkit.kube import FakeKube

SECONDS = 10
KEYS = [s.annotation for s in SETTINGS] + ["linkerd.io/inject", "config.linkerd.io/proxy-additional-env"]
NAMES = [
    "metadata",
    "spec",
    "containers",
    "ports",
    "name",
    "containerPort",
    "kind",
    "uid",
    "object",
    "rules",
    "matches",
]
WORDS = st.sampled_from([*KEYS, *NAMES, "enabled", "ingress", "Pod", "Service", "linkerd-proxy", "80", "1s", "*", ""])
SCALARS = st.none() | st.booleans() | st.integers(-1, 70000) | st.floats() | WORDS | st.text(max_size=6)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)
SPECS: dict[str, Obj] = {
    "ServiceProfile": {"routes": [{"name": "a", "condition": {"all": [{"method": "GET"}, {"pathRegex": "/a(b|c)*"}]}}]},
    "TrafficSplit": {"service": "web", "backends": [{"service": "a", "weight": 1}]},
    "HTTPRoute": {"parentRefs": [{"name": "web"}], "rules": [{"matches": [{"path": {"value": "/"}}], "timeouts": {}}]},
    "Server": {"podSelector": {"matchLabels": {"app": "a"}}, "port": 80, "proxyProtocol": "HTTP/1"},
    "AuthorizationPolicy": {"targetRef": {"kind": "Server", "name": "a"}, "requiredAuthenticationRefs": []},
}


def reviews() -> list[Obj]:
    """One of every kind, all of them well formed or nearly."""
    service: Obj = {"kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"port": 3306}]}}
    found = [
        review(pod(**{"config.linkerd.io/proxy-cpu-limit": "1"})),
        review(service),
        review(pod(), "plain", "v1beta1"),
    ]
    for kind in READERS:
        group, _, name = kind.partition("/")
        obj: Obj = {"apiVersion": f"{group}/v1", "kind": name, "metadata": {"name": "a.b.svc.cluster.local"}}
        asked = review(obj | {"spec": copy.deepcopy(SPECS.get(name, {}))}, "b")
        asked["request"]["kind"] = {"group": group, "version": "v1", "kind": name}
        found.append(asked)
    return found


REVIEWS = reviews()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every part of a document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


@st.composite
def hostile(draw: st.DrawFn) -> Obj:
    """A review with up to four of its parts replaced, taken away or added to."""
    document: Obj = copy.deepcopy(draw(st.sampled_from(REVIEWS)))
    for _ in range(draw(st.integers(0, 4))):
        *way, last = draw(st.sampled_from(places(document) or [("request",)]))
        parent: Any = document
        for key in way:
            parent = parent[key]
        if isinstance(parent, dict) and draw(st.booleans()):
            parent[draw(WORDS)] = draw(JSON)
        elif draw(st.integers(0, 3)) == 0 and len(document) > 1:
            del parent[last]
        else:
            parent[last] = draw(JSON)
    return document


@pytest.fixture
async def injector(kube: FakeKube) -> AsyncIterator[Running]:
    async with running(kube) as replica:
        await replica.ready()
        yield replica


async def answered(injector: Running, body: bytes, path: str) -> None:
    """The invariant."""
    async with asyncio.timeout(SECONDS):
        status, said = await injector.post(body, path)
    answer = json.loads(said)
    if status == 400:
        assert answer["code"] == "bad_review"
        return
    assert status == 200, said
    asked = json.loads(body)
    response = answer["response"]
    assert (answer["kind"], answer["apiVersion"]) == ("AdmissionReview", asked["apiVersion"])
    assert response["uid"] == asked["request"]["uid"]
    assert isinstance(response["allowed"], bool)
    assert response["allowed"] or response["status"]["message"]
    assert all(isinstance(warning, str) and len(warning) <= 256 for warning in response.get("warnings", ()))
    if "patch" in response:
        patched(asked["request"]["object"], response)


BODIES = hostile().map(lambda document: json.dumps(document).encode()) | st.binary(max_size=60)
PATHS = st.sampled_from(["/", "/validate"])
RELAXED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@given(body=BODIES, path=PATHS)
@settings(max_examples=150, deadline=None, suppress_health_check=RELAXED)
async def test_a_slice(injector: Running, body: bytes, path: str) -> None:
    await answered(injector, body, path)


@pytest.mark.fuzz
@pytest.mark.timeout(3600)
@given(body=BODIES, path=PATHS)
@settings(max_examples=20_000, deadline=None, suppress_health_check=RELAXED)
async def test_at_length(injector: Running, body: bytes, path: str) -> None:
    await answered(injector, body, path)

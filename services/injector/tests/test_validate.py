"""What is refused where it is applied, and that whoever leaves may leave."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.injector.tests.helpers import Obj, review, running

from linkerd_injector.review import Answer, read_review
from linkerd_injector.validate import READERS, validate
from linkerd_testkit.kube import FakeKube

PROFILE: Obj = {
    "apiVersion": "linkerd.io/v1alpha2",
    "kind": "ServiceProfile",
    "metadata": {"name": "web.emojivoto.svc.cluster.local", "namespace": "emojivoto"},
    "spec": {"routes": [{"name": "GET /", "condition": {"method": "GET", "pathRegex": "/"}}]},
}
SERVER: Obj = {
    "apiVersion": "policy.linkerd.io/v1beta3",
    "kind": "Server",
    "metadata": {"name": "web", "namespace": "emojivoto"},
    "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "port": 8080, "proxyProtocol": "HTTP/1"},
}


def _review(obj: Obj, operation: str = "CREATE") -> Obj:
    group, _, version = obj["apiVersion"].partition("/")
    kind = {"group": group, "version": version, "kind": obj["kind"]}
    return review(obj, kind=kind, operation=operation)


def _answer(obj: Obj, operation: str = "CREATE") -> Answer:
    return validate(read_review(json.dumps(_review(obj, operation)).encode()))


@pytest.mark.parametrize("obj", [PROFILE, SERVER])
def test_what_is_right_passes(obj: Obj) -> None:
    assert _answer(obj) == Answer()


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        (PROFILE | {"spec": {"routes": [{"name": "x"}]}}, "spec.routes[0].condition"),
        (PROFILE | {"spec": {"frog": 1}}, "spec.frog"),
        (PROFILE | {"metadata": {"name": "Web!"}}, "metadata.name"),
        (SERVER | {"spec": {"port": 8080}}, "spec"),
        (SERVER | {"spec": SERVER["spec"] | {"proxyProtocol": "SMTP"}}, "spec.proxyProtocol"),
    ],
)
@pytest.mark.parametrize("operation", ["CREATE", "UPDATE"])
def test_what_is_wrong_is_refused_with_its_field(obj: Obj, told: str, operation: str) -> None:
    answer = _answer(obj, operation=operation)
    assert not answer.allowed
    assert told in answer.message


def test_what_is_being_deleted_may_go() -> None:
    leaving = PROFILE | {"metadata": {"name": "Web!", "deletionTimestamp": "2024-01-01T00:00:00Z"}}
    assert _answer(leaving, operation="UPDATE") == Answer()
    assert _answer(PROFILE | {"spec": None}, operation="DELETE") == Answer()


def test_what_nobody_reads_passes() -> None:
    assert _answer({"apiVersion": "example.com/v1", "kind": "Frog"}) == Answer()


_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(kind=st.sampled_from(sorted(READERS)), spec=_JSON, metadata=_JSON)
def test_no_object_breaks_a_reader(kind: str, spec: object, metadata: object) -> None:
    group, _, name = kind.partition("/")
    answer = _answer({"apiVersion": f"{group}/v1", "kind": name, "spec": spec, "metadata": metadata})
    assert answer.allowed or answer.message


async def test_over_the_wire(kube: FakeKube) -> None:
    async with running(kube) as injector:
        await injector.ready()
        status, body = await injector.post(json.dumps(_review(PROFILE)).encode(), "/validate")
        assert (status, json.loads(body)["response"]) == (200, {"uid": "a-uid", "allowed": True})
        bad = _review(PROFILE | {"spec": {"routes": [{}]}})
        status, body = await injector.post(json.dumps(bad).encode(), "/validate")
        response = json.loads(body)["response"]
        assert (status, response["allowed"]) == (200, False)
        assert "spec.routes[0]" in response["status"]["message"]
        assert (await injector.post(b"{}", "/validate"))[0] == 400

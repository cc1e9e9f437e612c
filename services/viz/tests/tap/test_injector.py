"""The patch that makes a pod tappable, applied."""

import json
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.viz.tests.tap.world import applied

from linkerd_viz.tap.injector import TAP_DISABLED, TAP_ENABLED, TAP_NAME, BadReview, answer, read_review, tap_patch

ME = "tap.linkerd-viz.serviceaccount.identity.linkerd.cluster.local"
ENV = {"name": TAP_NAME, "value": ME}
OTHER = {"name": "A", "value": "b"}


def pod(
    env: list[dict[str, str]] | None = None, annotations: dict[str, str] | None = None, group: str = "containers"
) -> dict[str, Any]:
    proxy = {"name": "linkerd-proxy"} | ({} if env is None else {"env": env})
    metadata = {} if annotations is None else {"annotations": annotations}
    return {"metadata": metadata, "spec": {"containers": [{"name": "app"}]} | {group: [{"name": "first"}, proxy]}}


@pytest.mark.parametrize("group", ["containers", "initContainers"])
@pytest.mark.parametrize("env", [None, [], [OTHER]])
@pytest.mark.parametrize("annotations", [None, {}, {"x": "y"}])
def test_meshed(group: str, env: list[dict[str, str]] | None, annotations: dict[str, str] | None) -> None:
    before = pod(env, annotations, group)
    after = applied(before, tap_patch(before, {}, ME))
    assert after["spec"][group][1]["env"] == [*(env or []), ENV]
    assert after["metadata"]["annotations"] == {**(annotations or {}), TAP_ENABLED: "true"}
    assert tap_patch(after, {}, ME) == [], "asked again: nothing more"


def test_no_sidecar_no_patch() -> None:
    assert tap_patch({"metadata": {}, "spec": {"containers": [{"name": "app"}]}}, {}, ME) == []


@pytest.mark.parametrize(
    ("own", "namespace", "patched"),
    [
        ({TAP_DISABLED: "true"}, {}, False),
        ({}, {TAP_DISABLED: "true"}, False),
        ({TAP_DISABLED: "false"}, {TAP_DISABLED: "true"}, True),
        ({TAP_DISABLED: "false"}, {}, True),
    ],
)
def test_disable_tap(own: dict[str, str], namespace: dict[str, str], patched: bool) -> None:
    assert bool(tap_patch(pod(annotations=own), namespace, ME)) is patched


_JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=3) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "annotations", "spec", "containers", "name", "env"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec"]), _JSON))
def test_any_shape_is_answered(shape: dict[str, Any]) -> None:
    assert isinstance(tap_patch(shape, {}, ME), list)


def test_reviews() -> None:
    asked = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "u", "object": pod()}}
    review, request = read_review(json.dumps(asked).encode())
    said = answer(review, request, tap_patch(request["object"], {}, ME))
    assert (said["apiVersion"], said["response"]["uid"], said["response"]["allowed"]) == (
        asked["apiVersion"],
        "u",
        True,
    )
    assert json.loads(b64decode(said["response"]["patch"])) == tap_patch(pod(), {}, ME)
    assert "patch" not in answer(review, request, [])["response"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{}", "not an AdmissionReview"),
        (b'{"apiVersion": "admission.k8s.io/v1", "request": {}}', "no uid"),
    ],
)
def test_no_review(body: bytes, told: str) -> None:
    with pytest.raises(BadReview, match=told):
        read_review(body)

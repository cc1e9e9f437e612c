"""AdmissionReviews: read and written."""

import json
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.injector.tests.helpers import pod, review

from linkerd_injector.review import Answer, BadReview, read_review, write_review


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_read_and_answered_in_the_same_version(version: str) -> None:
    read = read_review(json.dumps(review(pod(), version=version, dryRun=True)).encode())
    assert (read.uid, read.kind, read.operation, read.namespace) == ("a-uid", "Pod", "CREATE", "emojivoto")
    assert read.object == pod()
    assert read.dry_run
    answer = json.loads(write_review(read, Answer(patch=[{"op": "add", "path": "/a", "value": 1}])))
    assert answer["apiVersion"] == f"admission.k8s.io/{version}"
    assert answer["response"]["uid"] == "a-uid"
    assert answer["response"]["allowed"] is True
    assert json.loads(b64decode(answer["response"]["patch"])) == [{"op": "add", "path": "/a", "value": 1}]


def test_no_patch_no_patch_type() -> None:
    read = read_review(json.dumps(review(pod())).encode())
    for answer in (Answer(), Answer(patch=[])):
        assert set(json.loads(write_review(read, answer))["response"]) == {"uid", "allowed"}


def test_a_refusal_says_why() -> None:
    read = read_review(json.dumps(review(pod())).encode())
    response = json.loads(write_review(read, Answer(allowed=False, message="spec: must be an object")))["response"]
    assert response["allowed"] is False
    assert response["status"]["message"] == "spec: must be an object"


def test_warnings_fit_what_the_api_server_takes() -> None:
    read = read_review(json.dumps(review(pod())).encode())
    many = tuple(f"{n} " + "x" * 500 for n in range(50))
    warnings = json.loads(write_review(read, Answer(warnings=many)))["response"]["warnings"]
    assert all(len(warning) <= 256 for warning in warnings)
    assert sum(map(len, warnings)) <= 4096
    assert len(warnings) == 16


def test_kinds_of_other_groups() -> None:
    document = review(pod())
    document["request"]["kind"] = {"group": "apps", "kind": "Pod"}
    assert read_review(json.dumps(document).encode()).kind == "apps/Pod"


BAD: list[bytes] = [
    b"",
    b"nonsense",
    b"[]",
    b"{}",
    b'{"kind": "AdmissionReview"}',
    b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v2", "request": {"uid": "a"}}',
    b'{"kind": "AdmissionReview", "apiVersion": ["admission.k8s.io/v1"], "request": {"uid": "a"}}',
    b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"}',
    b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}}',
    b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": 5}}',
    b'{"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {"uid": ""}}',
    b'{"kind": "Pod", "apiVersion": "v1"}',
    b"[" * 100_000,
    b"\xff\xfe",
]


@pytest.mark.parametrize("body", BAD)
def test_what_is_no_review(body: bytes) -> None:
    with pytest.raises(BadReview):
        read_review(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
REQUEST = st.fixed_dictionaries(
    {"uid": st.just("a-uid")},
    optional={"kind": JSON, "operation": JSON, "namespace": JSON, "object": JSON, "dryRun": JSON},
)


@given(REQUEST)
def test_odd_requests_are_read(request: dict[str, object]) -> None:
    document = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    read = read_review(json.dumps(document).encode())
    assert read.uid == "a-uid"
    assert isinstance(read.object, dict)

"""Which requests get a certificate."""

import base64

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import signer
from linkerd_sandbox.controllers.actions import Patch, Plan

NOW = "2026-01-01T00:00:00Z"


def _request(*conditions: str, name: str = "kubernetes.io/kube-apiserver-client", **status: str) -> JsonObject:
    return {
        "metadata": {"name": "r"},
        "spec": {"signerName": name, "request": base64.b64encode(b"asked").decode(), "expirationSeconds": 700},
        "status": {"conditions": [{"type": kind, "status": "True"} for kind in conditions], **status},
    }


def _sign(request: bytes, seconds: int | None) -> str:
    return f"{request.decode()} for {seconds}"


@pytest.mark.parametrize(
    "request_",
    [
        _request(),
        _request("Denied"),
        _request("Approved", "Failed"),
        _request("Approved", certificate="x"),
        _request("Approved", name="example.com/mine"),
        _request("Approved", name="kubernetes.io/kubelet-serving"),
    ],
)
def test_others_wait(request_: JsonObject) -> None:
    assert signer.reconcile(request_, _sign, NOW) == Plan()


def test_an_approved_one_is_signed() -> None:
    (action,) = signer.reconcile(_request("Approved"), _sign, NOW).actions
    certificate = base64.b64encode(b"asked for 700").decode()
    assert action == Patch(signer.REQUESTS, "", "r", {"status": {"certificate": certificate}}, "status")


def test_what_cannot_be_signed_has_failed() -> None:
    def refuse(_request: bytes, _seconds: int | None) -> str:
        raise ValueError("the request is not signed with its key")

    (action,) = signer.reconcile(_request("Approved"), refuse, NOW).actions
    assert isinstance(action, Patch)
    approved, failed = action.body["status"]["conditions"]
    assert approved["type"] == "Approved"
    assert (failed["type"], failed["message"]) == ("Failed", "the request is not signed with its key")

"""Errors, as kubectl gets them."""

import pytest

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.status import Cause, StatusError

CAUSES = [
    Cause("spec.a", "FieldValueRequired", "Required value"),
    Cause("spec.b", "FieldValueInvalid", "Invalid value: 1: no"),
]


@pytest.mark.parametrize(
    ("error", "code", "reason", "message"),
    [
        (status.not_found("deployments.apps", "x"), 404, "NotFound", 'deployments.apps "x" not found'),
        (status.already_exists("pods", "x"), 409, "AlreadyExists", 'pods "x" already exists'),
        (status.conflict("pods", "x", "why"), 409, "Conflict", 'Operation cannot be fulfilled on pods "x": why'),
        (
            status.invalid("Deployment", "apps", "x", CAUSES),
            422,
            "Invalid",
            'Deployment.apps "x" is invalid: [spec.a: Required value, spec.b: Invalid value: 1: no]',
        ),
        (status.invalid("Pod", "", "x", CAUSES[:1]), 422, "Invalid", 'Pod "x" is invalid: spec.a: Required value'),
        (status.expired(1, 5), 410, "Expired", "too old resource version: 1 (5)"),
        (status.forbidden("pods", "", "why"), 403, "Forbidden", "pods is forbidden: why"),
        (status.not_implemented("x"), 501, "NotImplemented", "x: not implemented by the sandbox's API server"),
    ],
)
def test_bodies(error: StatusError, code: int, reason: str, message: str) -> None:
    body = error.body()
    assert (body["code"], body["reason"], body["message"], body["status"]) == (code, reason, message, "Failure")


def test_causes_and_details() -> None:
    details = status.invalid("Deployment", "apps", "x", CAUSES).body()["details"]
    assert (details["group"], details["kind"], details["name"]) == ("apps", "Deployment", "x")
    assert details["causes"][0] == {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.a"}

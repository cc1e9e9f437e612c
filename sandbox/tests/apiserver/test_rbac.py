"""Which rules cover which requests."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import rbac
from linkerd_sandbox.apiserver.identity import User, service_account
from linkerd_sandbox.apiserver.requests import parse
from linkerd_sandbox.apiserver.store import Store


@pytest.mark.parametrize(
    ("rule", "request_line", "expected"),
    [
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, "GET /api/v1/namespaces/n/pods/p", True),
        ({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}, "GET /api/v1/namespaces/n/pods", False),
        ({"verbs": ["*"], "apiGroups": ["apps"], "resources": ["*"]}, "GET /api/v1/namespaces/n/pods", False),
        (
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
            "PUT /apis/apps/v1/namespaces/n/deployments/d/status",
            True,
        ),
        (
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]},
            "GET /apis/apps/v1/namespaces/n/deployments/d/scale",
            True,
        ),
        (
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]},
            "GET /apis/apps/v1/namespaces/n/deployments/d",
            False,
        ),
        ({"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}, "GET /api/v1/namespaces/n/pods/p/log", False),
        (
            {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"]},
            "GET /api/v1/namespaces/n/pods/p",
            True,
        ),
        (
            {"verbs": ["*"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["p"]},
            "POST /api/v1/namespaces/n/pods",
            False,
        ),
    ],
)
def test_resources(rule: dict[str, Any], request_line: str, expected: bool) -> None:
    method, path = request_line.split()
    assert rbac.covers_resource(rule, parse(method, path, {})) is expected


@pytest.mark.parametrize(
    ("urls", "path", "expected"),
    [
        (["/a"], "/a", True),
        (["/a"], "/a/b", False),
        (["/a/*"], "/a/b", True),
        (["/a*"], "/a", True),
        (["*"], "/x", True),
    ],
)
def test_paths(urls: list[str], path: str, expected: bool) -> None:
    assert rbac.covers_path({"verbs": ["get"], "nonResourceURLs": urls}, parse("GET", path, {})) is expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"kind": "User", "name": "u"}, False),
        ({"kind": "User", "name": "system:serviceaccount:n:s"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts:n"}, True),
        ({"kind": "ServiceAccount", "name": "s"}, True),
        ({"kind": "ServiceAccount", "name": "s", "namespace": "m"}, False),
        ({"kind": "Robot", "name": "s"}, False),
    ],
)
def test_subjects(subject: dict[str, str], expected: bool) -> None:
    store = Store()
    role = {"metadata": {"name": "r", "namespace": "n"}, "rules": [{"verbs": ["get"]}]}
    store.put(rbac.ROLES, role, {})
    reference = {"kind": "Role", "name": "r"}
    body = {"metadata": {"name": "b", "namespace": "n"}, "roleRef": reference, "subjects": [subject]}
    store.put(rbac.ROLE_BINDINGS, body, {})
    user = service_account("n", "s", "u")
    assert bool(list(rbac.rules_for(store, user, "n"))) is expected
    assert not list(rbac.rules_for(store, user, ""))
    assert not list(rbac.rules_for(store, User("nobody"), "n"))

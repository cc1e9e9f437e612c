"""The meaning of methods and paths."""

import pytest

from linkerd_sandbox.apiserver.requests import RequestInfo, parse


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "", "v1", "pods", "", "", "")),
        ("GET", "/api/v1/pods", {"watch": "True"}, ("watch", "", "v1", "pods", "", "", "")),
        ("GET", "/api/v1/pods", {"watch": "false"}, ("list", "", "v1", "pods", "", "", "")),
        ("GET", "/api/v1/namespaces/n/pods/p", {}, ("get", "", "v1", "pods", "n", "p", "")),
        ("GET", "/api/v1/namespaces/n/pods/p/log", {}, ("get", "", "v1", "pods", "n", "p", "log")),
        ("POST", "/api/v1/namespaces/n/pods", {}, ("create", "", "v1", "pods", "n", "", "")),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, ("deletecollection", "", "v1", "pods", "n", "", "")),
        ("GET", "/api/v1/namespaces", {}, ("list", "", "v1", "namespaces", "", "", "")),
        ("GET", "/api/v1/namespaces/n", {}, ("get", "", "v1", "namespaces", "n", "n", "")),
        ("PUT", "/api/v1/namespaces/n/finalize", {}, ("update", "", "v1", "namespaces", "n", "n", "finalize")),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            {},
            ("patch", "apps", "v1", "deployments", "n", "d", "scale"),
        ),
        (
            "POST",
            "/apis/a.b/v1/watch/namespaces/n/widgets/w/tap",
            {},
            ("watch", "a.b", "v1", "widgets", "n", "w", "tap"),
        ),
        ("POST", "/apis/a.b/v1/watch/namespaces/n/tap", {}, ("watch", "a.b", "v1", "tap", "n", "", "")),
        ("GET", "/apis/a.b/v1/widgets/a%20b", {}, ("get", "a.b", "v1", "widgets", "", "a b", "")),
    ],
)
def test_resource_requests(method: str, path: str, query: dict[str, str], expected: tuple[str, ...]) -> None:
    info = parse(method, path, query)
    found = (info.verb, info.group, info.version, info.resource, info.namespace, info.name, info.subresource)
    assert found == expected
    assert info.resource_request


@pytest.mark.parametrize(
    "path", ["/", "/version", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/openapi/v3/api/v1"]
)
def test_other_requests(path: str) -> None:
    assert parse("GET", path, {}) == RequestInfo("get", path)


def test_what_follows_a_subresource_is_kept() -> None:
    assert parse("GET", "/api/v1/namespaces/n/services/s/proxy/a/b", {}).rest == "a/b"

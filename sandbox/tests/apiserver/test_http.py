"""Credentials, health, and errors as Status objects."""

from typing import Any

import pytest

CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


async def test_health_and_version_need_no_credentials(cluster: Cluster) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        async with cluster.session.get(cluster.url + path) as response:
            assert (response.status, await response.text()) == (200, "ok")
    code, version = await cluster.api("GET", "/version", token="")
    assert (code, version["minor"]) == (200, "32")
    code, refusal = await cluster.api("GET", "/api/v1/pods", token="")
    assert (code, refusal["reason"]) == (403, "Forbidden")
    assert refusal["message"] == (
        'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope'
    )
    code, refusal = await cluster.api("GET", "/api/v1/pods", token="wrong")
    assert (code, refusal["reason"]) == (401, "Unauthorized")


async def test_whoever_plays_nobody_may_what_nobody_may(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}", "Impersonate-User": "system:anonymous"}
    for path, code in (("/healthz", 200), ("/api/v1/pods", 403)):
        async with cluster.session.get(cluster.url + path, headers=headers) as response:
            assert response.status == code


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason"),
    [
        ("GET", "/apis/nope/v1/x", None, 404, "NotFound"),
        ("GET", "/api/v1/nopes", None, 404, "NotFound"),
        ("POST", "/api/v1/namespaces/missing/configmaps", {"metadata": {"name": "x"}}, 404, "NotFound"),
        ("POST", CONFIG, {"metadata": {}}, 422, "Invalid"),
        ("POST", CONFIG, {"metadata": {"name": "x", "namespace": "other"}}, 400, "BadRequest"),
        ("POST", CONFIG, {"kind": "Secret", "metadata": {"name": "x"}}, 400, "BadRequest"),
        ("POST", CONFIG, {"apiVersion": "v2", "metadata": {"name": "x"}}, 400, "BadRequest"),
        ("POST", CONFIG, {"metadata": {"name": "x", "resourceVersion": "1"}}, 400, "BadRequest"),
        ("POST", CONFIG, {"metadata": {"name": "x"}, "data": {"a": 1}}, 400, "BadRequest"),
        ("POST", CONFIG, {"metadata": {"name": "X"}}, 422, "Invalid"),
        ("POST", CONFIG, [], 400, "BadRequest"),
        ("PUT", f"{CONFIG}/x", {"metadata": {"name": "y"}}, 400, "BadRequest"),
        ("PUT", f"{CONFIG}/x", {"metadata": {"name": "x"}}, 404, "NotFound"),
        ("GET", f"{CONFIG}?fieldSelector=spec.x=1", None, 400, "BadRequest"),
        ("GET", f"{CONFIG}?labelSelector=a+b", None, 400, "BadRequest"),
        ("GET", f"{CONFIG}?limit=1&continue=x", None, 400, "BadRequest"),
        ("POST", f"{CONFIG}?dryRun=Some", {"metadata": {"name": "x"}}, 422, "Invalid"),
        ("GET", "/apis/authentication.k8s.io/v1/tokenreviews", None, 405, "MethodNotAllowed"),
    ],
)  # fmt: skip
async def test_mistakes_get_kubernetes_answers(
    cluster: Cluster, method: str, path: str, body: object, code: int, reason: str
) -> None:
    answer = await cluster.api(method, path, body)
    assert (answer[0], answer[1]["kind"], answer[1]["reason"]) == (code, "Status", reason)


async def test_text_that_is_no_json_is_a_400(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}", "Content-Type": "application/json"}
    async with cluster.session.post(cluster.url + CONFIG, data=b"{", headers=headers) as response:
        assert response.status == 400
    headers["Content-Type"] = "text/html"
    async with cluster.session.post(cluster.url + CONFIG, data=b"{}", headers=headers) as response:
        assert response.status == 415

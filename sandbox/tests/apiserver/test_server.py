"""The server as clients see it: HTTP, discovery, watches, errors."""

import asyncio
import json
import stat
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

PODS = "/api/v1/namespaces/default/pods"
CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


async def _lines(response: aiohttp.ClientResponse, count: int) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        return [json.loads(await response.content.readline()) for _ in range(count)]


def _watch(cluster: Cluster, path: str, **query: str) -> Any:
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    return cluster.session.get(cluster.url + path, params={"watch": "True", **query}, headers=headers)


async def test_secrets_are_readable_by_their_owner_only(cluster: Cluster) -> None:
    directory = cluster.directory / "pki"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for name in ("apiserver.key", "sa.key"):
        assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600


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


async def test_first_objects(cluster: Cluster) -> None:
    _, found = await cluster.api("GET", "/api/v1/namespaces")
    assert [item["metadata"]["name"] for item in found["items"]] == [
        "default",
        "kube-node-lease",
        "kube-public",
        "kube-system",
    ]
    _, service = await cluster.api("GET", "/api/v1/namespaces/default/services/kubernetes")
    assert service["spec"]["clusterIP"] == "10.43.0.1"
    _, slices = await cluster.api("GET", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes")
    assert slices["endpoints"][0]["addresses"] == ["127.0.0.1"]
    code, _ = await cluster.api("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin")
    assert code == 200


async def test_a_configmap_lives_and_dies(cluster: Cluster) -> None:
    code, made = await cluster.api("POST", CONFIG, {"metadata": {"generateName": "c-"}, "data": {"a": "1"}})
    name, version = made["metadata"]["name"], made["metadata"]["resourceVersion"]
    assert code == 201
    assert name.startswith("c-")
    assert len(name) == 7
    assert made["metadata"]["uid"]
    made["data"]["a"] = "2"
    code, changed = await cluster.api("PUT", f"{CONFIG}/{name}", made)
    assert (code, changed["data"]) == (200, {"a": "2"})
    code, refusal = await cluster.api("PUT", f"{CONFIG}/{name}", made | {"data": {"a": "3"}})
    assert (code, refusal["reason"]) == (409, "Conflict")
    assert "the object has been modified; please apply your changes to the latest version" in refusal["message"]
    code, same = await cluster.api("PUT", f"{CONFIG}/{name}", changed)
    assert same["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"] != version
    patch = {"data": {"b": "3", "a": None}}
    code, patched = await cluster.api("PATCH", f"{CONFIG}/{name}", patch, media="application/merge-patch+json")
    assert (code, patched["data"]) == (200, {"b": "3"})
    code, gone = await cluster.api("DELETE", f"{CONFIG}/{name}")
    assert (code, gone["status"], gone["details"]["name"]) == (200, "Success", name)
    code, missing = await cluster.api("GET", f"{CONFIG}/{name}")
    assert (code, missing["message"]) == (404, f'configmaps "{name}" not found')


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
        ("POST", f"{CONFIG}?dryRun=Some", {"metadata": {"name": "x"}}, 400, "BadRequest"),
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


async def test_lists_are_paged_and_selected(cluster: Cluster) -> None:
    for index in range(5):
        labels = {"odd": str(index % 2)}
        await cluster.api("POST", CONFIG, {"metadata": {"name": f"c{index}", "labels": labels}})
    names: list[str] = []
    token = ""
    while True:
        _, page = await cluster.api("GET", f"{CONFIG}?limit=2&continue={token}")
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert names == ["c0", "c1", "c2", "c3", "c4"]
    _, odd = await cluster.api("GET", f"{CONFIG}?labelSelector=odd%3D1")
    assert [item["metadata"]["name"] for item in odd["items"]] == ["c1", "c3"]
    _, one = await cluster.api("GET", f"{CONFIG}?fieldSelector=metadata.name%3Dc2")
    assert [item["metadata"]["name"] for item in one["items"]] == ["c2"]
    code, _ = await cluster.api("DELETE", f"{CONFIG}?labelSelector=odd%3D0")
    _, rest = await cluster.api("GET", CONFIG)
    assert (code, len(rest["items"])) == (200, 2)


async def test_a_watch_from_a_revision_sees_everything_after_it_once(cluster: Cluster) -> None:
    _, listed = await cluster.api("GET", CONFIG)
    start = listed["metadata"]["resourceVersion"]
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a", "labels": {"x": "1"}}})
    async with _watch(cluster, CONFIG, resourceVersion=start, labelSelector="x=1") as response:
        assert (await _lines(response, 1))[0]["type"] == "ADDED"
        media = "application/merge-patch+json"
        await cluster.api("PATCH", f"{CONFIG}/a", {"data": {"k": "v"}}, media=media)
        await cluster.api("PATCH", f"{CONFIG}/a", {"metadata": {"labels": {"x": "2"}}}, media=media)
        await cluster.api("PATCH", f"{CONFIG}/a", {"metadata": {"labels": {"x": "1"}}}, media=media)
        await cluster.api("DELETE", f"{CONFIG}/a")
        types = [event["type"] for event in await _lines(response, 4)]
    assert types == ["MODIFIED", "DELETED", "ADDED", "DELETED"]


async def test_a_watch_without_revision_begins_with_what_is_there(cluster: Cluster) -> None:
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a"}})
    async with _watch(cluster, CONFIG, sendInitialEvents="true", allowWatchBookmarks="true") as response:
        first, end = await _lines(response, 2)
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_in_time_with_a_bookmark(cluster: Cluster) -> None:
    async with _watch(cluster, CONFIG, timeoutSeconds="1", allowWatchBookmarks="true") as response:
        lines = (await response.text()).splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["BOOKMARK"]


async def test_history_that_is_gone_is_a_410_and_the_future_a_504(cluster: Cluster) -> None:
    for index in range(4200):
        cluster.server.store.put("configmaps", {"metadata": {"name": "x", "namespace": "default"}, "n": index}, {})
    async with _watch(cluster, CONFIG, resourceVersion="2") as response:
        event = (await _lines(response, 1))[0]
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    code, answer = await cluster.api("GET", f"{CONFIG}?watch=1&resourceVersion=999999")
    assert (code, answer["details"]["causes"][0]["reason"]) == (504, "ResourceVersionTooLarge")


async def test_pods_end_gracefully_once_a_node_has_them(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.api("POST", PODS, pod("waiting"))
    code, _ = await cluster.api("DELETE", f"{PODS}/waiting")
    assert (code, (await cluster.api("GET", f"{PODS}/waiting"))[0]) == (200, 404)
    await cluster.api("POST", PODS, pod("p", nodeName="n", terminationGracePeriodSeconds=7))
    code, marked = await cluster.api("DELETE", f"{PODS}/p")
    assert (code, marked["metadata"]["deletionGracePeriodSeconds"]) == (200, 7)
    code, marked = await cluster.api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 3})
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 3
    uid = {"uid": "0"}
    code, _ = await cluster.api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0, "preconditions": uid})
    assert code == 409
    code, _ = await cluster.api("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 0})
    assert (code, (await cluster.api("GET", f"{PODS}/p"))[0]) == (200, 404)


async def test_finalizers_hold_an_object_until_they_go(cluster: Cluster) -> None:
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a", "finalizers": ["example.com/x"]}})
    code, marked = await cluster.api("DELETE", f"{CONFIG}/a?propagationPolicy=Foreground")
    assert code == 200
    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["finalizers"] == ["example.com/x", "foregroundDeletion"]
    patch = {"metadata": {"finalizers": ["a/b", "example.com/x", "foregroundDeletion"]}}
    code, _ = await cluster.api("PATCH", f"{CONFIG}/a", patch, media="application/merge-patch+json")
    assert code == 422
    cleared: dict[str, object] = {"metadata": {"finalizers": None}}
    code, _ = await cluster.api("PATCH", f"{CONFIG}/a", cleared, media="application/merge-patch+json")
    assert (code, (await cluster.api("GET", f"{CONFIG}/a"))[0]) == (200, 404)


async def test_namespaces_end_when_they_are_finalized(cluster: Cluster) -> None:
    _, made = await cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    _, ending = await cluster.api("DELETE", "/api/v1/namespaces/n")
    assert ending["status"]["phase"] == "Terminating"
    code, refusal = await cluster.api("POST", "/api/v1/namespaces/n/configmaps", {"metadata": {"name": "x"}})
    assert (code, refusal["message"]) == (
        403,
        'configmaps "x" is forbidden: unable to create new content in namespace n because it is being terminated',
    )
    code, _ = await cluster.api("PUT", "/api/v1/namespaces/n/finalize", {"metadata": {"name": "n"}, "spec": {}})
    assert (code, (await cluster.api("GET", "/api/v1/namespaces/n"))[0]) == (200, 404)


async def test_status_is_a_subresource(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.api("POST", PODS, pod("p", nodeName="n"))
    media = "application/strategic-merge-patch+json"
    patch = {
        "status": {"phase": "Running", "containerStatuses": [{"name": "c", "ready": True}]},
        "spec": {"nodeName": "x"},
    }
    _, running = await cluster.api("PATCH", f"{PODS}/p/status", patch, media=media)
    assert (running["status"]["phase"], running["spec"]["nodeName"]) == ("Running", "n")
    assert running["status"]["containerStatuses"][0]["imageID"] == ""
    _, same = await cluster.api("PATCH", f"{PODS}/p", {"status": {"phase": "Failed"}}, media=media)
    assert same["status"]["phase"] == "Running"


async def test_dry_run_stores_nothing(cluster: Cluster) -> None:
    code, _ = await cluster.api("POST", f"{CONFIG}?dryRun=All", {"metadata": {"name": "x"}})
    assert (code, (await cluster.api("GET", f"{CONFIG}/x"))[0]) == (201, 404)


async def test_unknown_fields_are_refused_warned_of_or_ignored(cluster: Cluster) -> None:
    body = {"metadata": {"name": "x"}, "dataa": {}}
    code, refusal = await cluster.api("POST", f"{CONFIG}?fieldValidation=Strict", body)
    assert (code, refusal["message"]) == (
        400,
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa"',
    )
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    async with cluster.session.post(cluster.url + CONFIG, json=body, headers=headers) as response:
        assert response.status == 201
        assert response.headers["Warning"] == '299 - "unknown field \\"dataa\\""'
        assert "dataa" not in await response.json()

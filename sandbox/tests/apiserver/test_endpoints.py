"""The verbs on resources."""

from typing import Any

import pytest

CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


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


async def test_dry_run_stores_nothing(cluster: Cluster) -> None:
    code, _ = await cluster.api("POST", f"{CONFIG}?dryRun=All", {"metadata": {"name": "x"}})
    assert (code, (await cluster.api("GET", f"{CONFIG}/x"))[0]) == (201, 404)


@pytest.mark.parametrize("query", ["limit=abc", "limit=1.5", "watch=1&timeoutSeconds=soon", "limit=%C2%B2"])
async def test_a_number_that_is_none_is_a_bad_request(cluster: Cluster, query: str) -> None:
    code, refusal = await cluster.api("GET", f"{CONFIG}?{query}")
    assert (code, refusal["reason"]) == (400, "BadRequest")
    assert "strconv.ParseInt: parsing " in refusal["message"]


@pytest.mark.parametrize(
    ("patch", "media"),
    [
        ({"metadata": {"name": "b"}}, "application/merge-patch+json"),
        ({"metadata": {"name": "b"}}, "application/strategic-merge-patch+json"),
        ([{"op": "replace", "path": "/metadata/name", "value": "b"}], "application/json-patch+json"),
    ],
)
async def test_a_patch_cannot_rename(cluster: Cluster, patch: object, media: str) -> None:
    await cluster.api("POST", CONFIG, {"metadata": {"name": "a"}})
    code, refusal = await cluster.api("PATCH", f"{CONFIG}/a", patch, media=media)
    assert (code, refusal["message"]) == (400, "the name of the object (b) does not match the name on the URL (a)")
    _, left = await cluster.api("GET", CONFIG)
    assert [item["metadata"]["name"] for item in left["items"]] == ["a"]


async def test_what_is_too_large(cluster: Cluster) -> None:
    """The limits of the request, of the kind and of etcd."""
    body = {"metadata": {"name": "a"}, "data": {"a": "x" * (3 << 20)}}
    code, refusal = await cluster.api("POST", CONFIG, body)
    assert (code, refusal["reason"]) == (413, "RequestEntityTooLarge")
    assert refusal["message"] == "Request entity too large: limit is 3145728"
    code, refusal = await cluster.api("POST", CONFIG, {"metadata": {"name": "a"}, "data": {"a": "x" * (5 << 18)}})
    assert code == 422
    assert refusal["message"] == 'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes'
    annotation = {"metadata": {"name": "p", "annotations": {"a": "x" * 200_000}}}
    many = [{"name": f"c{index}", "image": "i:1", "args": ["x" * 1000]} for index in range(1500)]
    pods = annotation | {"template": {"spec": {"containers": many}}}
    code, refusal = await cluster.api("POST", "/api/v1/namespaces/default/podtemplates", pods)
    assert (code, refusal["message"]) == (500, "etcdserver: request is too large")
    code, _ = await cluster.api("POST", CONFIG, {"metadata": {"name": "a"}, "data": {"a": "x" * (1 << 20)}})
    assert code == 201


async def test_namespaces_that_stay(cluster: Cluster) -> None:
    for name in ("default", "kube-system", "kube-public"):
        code, refusal = await cluster.api("DELETE", f"/api/v1/namespaces/{name}")
        assert (code, refusal["reason"]) == (403, "Forbidden")
        assert refusal["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'
    assert (await cluster.api("DELETE", "/api/v1/namespaces"))[0] == 405

"""Graceful deletion, finalizers, namespaces, status."""

from collections.abc import Callable
from typing import Any

PODS = "/api/v1/namespaces/default/pods"
CONFIG = "/api/v1/namespaces/default/configmaps"
Cluster = Any


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

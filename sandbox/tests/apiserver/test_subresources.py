"""Scale, binding, eviction."""

from collections.abc import Callable
from typing import Any

PODS = "/api/v1/namespaces/default/pods"
Cluster = Any


async def _deployment(cluster: Cluster) -> str:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    path = "/apis/apps/v1/namespaces/default/deployments"
    code, _ = await cluster.api("POST", path, {"metadata": {"name": "d"}, "spec": spec})
    assert code == 201
    return f"{path}/d/scale"


async def test_scale(cluster: Cluster) -> None:
    path = await _deployment(cluster)
    _, scale = await cluster.api("GET", path)
    assert (scale["kind"], scale["spec"], scale["status"]) == (
        "Scale",
        {"replicas": 1},
        {"replicas": 0, "selector": "a=b"},
    )
    scale["spec"]["replicas"] = 4
    code, changed = await cluster.api("PUT", path, scale)
    assert (code, changed["spec"]["replicas"]) == (200, 4)
    code, _ = await cluster.api("PUT", path, scale)
    assert code == 409
    patch = {"spec": {"replicas": -1}}
    code, _ = await cluster.api("PATCH", path, patch, media="application/merge-patch+json")
    assert code == 422


def _binding(pod: str, node: str) -> dict[str, Any]:
    return {"metadata": {"name": pod}, "target": {"kind": "Node", "name": node}}


async def test_binding(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    await cluster.api("POST", PODS, pod())
    code, _ = await cluster.api("POST", f"{PODS}/p/binding", _binding("p", "n"))
    _, bound = await cluster.api("GET", f"{PODS}/p")
    assert (code, bound["spec"]["nodeName"], bound["status"]["conditions"][0]["type"]) == (201, "n", "PodScheduled")
    code, _ = await cluster.api("POST", f"{PODS}/p/binding", _binding("p", "m"))
    assert code == 409
    code, refusal = await cluster.api("POST", f"{PODS}/p/binding", _binding("q", "m"))
    assert (code, refusal["message"]) == (400, "name in URL does not match name in Binding object")
    assert (await cluster.api("POST", f"{PODS}/p/binding", _binding("p", "")))[0] == 422


async def test_a_scale_is_printed_with_its_counts(cluster: Cluster) -> None:
    await _deployment(cluster)
    done = await cluster.kubectl("get", "deployment", "d", "--subresource=scale")
    assert done.out.split()[:6] == ["NAME", "DESIRED", "AVAILABLE", "AGE", "d", "1"], done.err

"""Evictions: what a disruption budget allows, and that nothing is taken twice."""

import asyncio
from collections.abc import Callable
from typing import Any

PODS = "/api/v1/namespaces/default/pods"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
MERGE = "application/merge-patch+json"
Cluster = Any
Pod = Callable[..., dict[str, Any]]


async def _pods(cluster: Cluster, pod: Pod, *names: str, ready: bool = True) -> None:
    await cluster.account()
    for name in names:
        body = pod(name)
        body["metadata"]["labels"] = {"a": "b"}
        await cluster.api("POST", PODS, body)
        conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
        status = {"status": {"phase": "Running", "conditions": conditions}}
        await cluster.api("PATCH", f"{PODS}/{name}/status", status, media=MERGE)


async def _budget(cluster: Cluster, name: str = "b", **status: int) -> None:
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}
    await cluster.api("POST", BUDGETS, {"metadata": {"name": name}, "spec": spec})
    body = {"status": {"observedGeneration": 1, "disruptionsAllowed": 0, "expectedPods": 2} | status}
    code, _ = await cluster.api("PATCH", f"{BUDGETS}/{name}/status", body, media=MERGE)
    assert code == 200


async def _evict(cluster: Cluster, name: str, **options: object) -> tuple[int, dict[str, Any]]:
    body = {"metadata": {"name": name}, "deleteOptions": options}
    code, answer = await cluster.api("POST", f"{PODS}/{name}/eviction", body)
    return code, answer


async def test_a_budget_refuses_and_says_why(cluster: Cluster, pod: Pod) -> None:
    await _pods(cluster, pod, "p")
    await _budget(cluster, desiredHealthy=1, currentHealthy=1)
    code, refusal = await _evict(cluster, "p")
    assert (code, refusal["reason"]) == (429, "TooManyRequests")
    assert refusal["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert refusal["details"]["causes"] == [
        {"reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently"}
    ]
    await cluster.api("DELETE", f"{BUDGETS}/b")
    assert (await _evict(cluster, "p"))[0] == 201
    assert (await cluster.api("GET", f"{PODS}/p"))[0] == 404


async def test_two_evictions_cannot_both_take_the_last_disruption(cluster: Cluster, pod: Pod) -> None:
    await _pods(cluster, pod, "p", "q")
    await _budget(cluster, disruptionsAllowed=1, desiredHealthy=1, currentHealthy=2)
    answers = await asyncio.gather(_evict(cluster, "p"), _evict(cluster, "q"))
    assert sorted(code for code, _ in answers) == [201, 429]
    _, budget = await cluster.api("GET", f"{BUDGETS}/b")
    assert budget["status"]["disruptionsAllowed"] == 0
    assert len(budget["status"]["disruptedPods"]) == 1


async def test_a_dry_run_takes_nothing(cluster: Cluster, pod: Pod) -> None:
    await _pods(cluster, pod, "p")
    await _budget(cluster, disruptionsAllowed=1, desiredHealthy=0, currentHealthy=1)
    assert (await _evict(cluster, "p", dryRun=["All"]))[0] == 201
    assert (await cluster.api("GET", f"{PODS}/p"))[0] == 200
    _, budget = await cluster.api("GET", f"{BUDGETS}/b")
    assert budget["status"]["disruptionsAllowed"] == 1


async def test_what_a_budget_does_not_count(cluster: Cluster, pod: Pod) -> None:
    """A pod that does not run yet, and one that is not ready while enough others are."""
    await _pods(cluster, pod, "unready", ready=False)
    await cluster.api("POST", PODS, pod("pending") | {"metadata": {"name": "pending", "labels": {"a": "b"}}})
    await _budget(cluster, desiredHealthy=1, currentHealthy=1)
    assert (await _evict(cluster, "pending"))[0] == 201
    assert (await _evict(cluster, "unready"))[0] == 201


async def test_budgets_that_cannot_answer(cluster: Cluster, pod: Pod) -> None:
    await _pods(cluster, pod, "p")
    await _budget(cluster, observedGeneration=0)
    code, refusal = await _evict(cluster, "p")
    assert (code, refusal["details"]["retryAfterSeconds"]) == (429, 10)
    assert "still being processed" in refusal["details"]["causes"][0]["message"]
    await _budget(cluster, "c")
    code, refusal = await _evict(cluster, "p")
    assert code == 500
    assert "more than one PodDisruptionBudget" in refusal["message"]

"""Built-in admission of pods, as who creates them sees it."""

from collections.abc import Callable
from typing import Any

import pytest

Cluster = Any
PODS = "/api/v1/namespaces/default/pods"


@pytest.mark.parametrize(("meta", "shown"), [({"name": "p"}, "p"), ({"generateName": "web-"}, "web-")])
@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (
            {"serviceAccountName": "none"},
            'error looking up service account default/none: serviceaccount "none" not found',
        ),
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
    ],
)
async def test_refusals_name_the_pod(
    cluster: Cluster,
    pod: Callable[..., dict[str, Any]],
    meta: dict[str, str],
    shown: str,
    spec: dict[str, str],
    why: str,
) -> None:
    await cluster.account()
    body = pod(**spec) | {"metadata": meta}
    code, refusal = await cluster.api("POST", PODS, body)
    assert (code, refusal["reason"], refusal["message"]) == (403, "Forbidden", f'pods "{shown}" is forbidden: {why}')


async def test_a_priority_class_gives_its_number(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    await cluster.api("POST", path, {"metadata": {"name": "usual"}, "value": 5, "globalDefault": True})
    await cluster.api("POST", path, {"metadata": {"name": "high"}, "value": 9, "preemptionPolicy": "Never"})
    _, usual = await cluster.api("POST", PODS, pod("a"))
    _, high = await cluster.api("POST", PODS, pod("b", priorityClassName="high"))
    assert (usual["spec"]["priorityClassName"], usual["spec"]["priority"]) == ("usual", 5)
    assert (high["spec"]["priority"], high["spec"]["preemptionPolicy"]) == (9, "Never")

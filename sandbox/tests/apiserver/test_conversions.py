"""Autoscalers in both versions: nothing is lost on the way."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.apiserver import conversions
from linkerd_sandbox.apiserver.kinds import BUILT_IN

Cluster = Any
V2, V1 = (
    next(kind for kind in BUILT_IN if (kind.api_version, kind.kind) == (version, "HorizontalPodAutoscaler"))
    for version in ("autoscaling/v2", "autoscaling/v1")
)
_CPU = st.integers(1, 100).map(
    lambda percent: {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}},
    }
)
_OTHER = st.builds(
    lambda name, value: {"type": "Pods", "pods": {"metric": {"name": name}, "target": {"averageValue": value}}},
    st.text("abc", min_size=1),
    st.integers(1, 9).map(str),
)


@given(
    cpu=st.lists(_CPU, max_size=1),
    others=st.lists(_OTHER, max_size=3),
    behavior=st.sampled_from([{}, {"scaleDown": {"stabilizationWindowSeconds": 5}}]),
    notes=st.dictionaries(st.sampled_from("ab"), st.text(max_size=2)),
)
def test_there_and_back(cpu: list[Any], others: list[Any], behavior: dict[str, Any], notes: dict[str, str]) -> None:
    spec: dict[str, Any] = {"maxReplicas": 2}
    spec |= {"metrics": metrics} if (metrics := [*cpu, *others]) else {}
    spec |= {"behavior": behavior} if behavior else {}
    meta: dict[str, Any] = {"name": "a"} | ({"annotations": notes} if notes else {})
    body = {"apiVersion": "autoscaling/v2", "kind": V2.kind, "metadata": meta, "spec": spec}
    shown = conversions.shown(V1, body)
    assert shown["apiVersion"] == "autoscaling/v1"
    assert shown["spec"].keys() <= {"maxReplicas", "targetCPUUtilizationPercentage"}
    assert shown.pop("status") == {"currentReplicas": 0}
    assert conversions.stored(V1, shown) == body
    assert conversions.shown(V2, body) is body


def test_annotations_that_people_have_spoiled() -> None:
    for text in ("[", "{}", '"x"', "null"):
        meta = {"name": "a", "annotations": {"autoscaling.alpha.kubernetes.io/metrics": text}}
        body = {"apiVersion": "autoscaling/v1", "metadata": meta, "spec": {"maxReplicas": 2}}
        assert conversions.stored(V1, body) == {
            "apiVersion": "autoscaling/v2",
            "metadata": {"name": "a"},
            "spec": {"maxReplicas": 2},
        }


async def test_both_versions_show_one_object(cluster: Cluster) -> None:
    path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    spec = {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
    body = {"metadata": {"name": "a"}, "spec": spec | {"targetCPUUtilizationPercentage": 70}}
    code, made = await cluster.api("POST", path.format("v1"), body)
    assert (code, made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == (201, "autoscaling/v1", 70)
    _, listed = await cluster.api("GET", path.format("v2"))
    assert listed["items"][0]["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70
    applied = f"{path.format('v1')}/b?fieldManager=me"
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "b"}, "spec": spec}
    assert (await cluster.api("PATCH", applied, body, media="application/apply-patch+yaml"))[0] == 501

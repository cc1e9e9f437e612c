"""What inject and uninject do to one object."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_cli.inject.transform import Options, inject_document, uninject_document
from linkerd_cli.tree import JsonObject
from linkerd_rules.injection import InjectConfig, Source, Target, inject_pod

INJECT = "linkerd.io/inject"


def workload(kind: str, template: JsonObject | None = None, name: str = "web") -> JsonObject:
    """An object of a kind with a pod."""
    pod: dict[str, Any] = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web"}]}}
    pod |= template or {}
    if kind == "Pod":
        return {"kind": kind, **pod, "metadata": {"name": name, **pod["metadata"]}}
    if not pod["metadata"]:
        del pod["metadata"]  # nobody writes an empty one
    spec: JsonObject = {"template": pod}
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


def template_of(document: JsonObject) -> Any:
    """The pod in it."""
    kind, spec = document["kind"], document["spec"]
    if kind == "Pod":
        return document
    if kind == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]  # type: ignore[index]
    return spec["template"]  # type: ignore[index]


KINDS = ("Pod", "Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob")


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_annotation_is_added(kind: str) -> None:
    before = workload(kind)
    kept = copy.deepcopy(before)
    after, report = inject_document(before, Options())
    assert before == kept
    assert (report.resource, report.outcome) == (f"{kind.lower()}/web", "injected")
    assert template_of(after)["metadata"].pop("annotations") == {INJECT: "enabled"}
    assert after == kept


def test_flags_are_annotations() -> None:
    options = Options("ingress", {"config.linkerd.io/opaque-ports": "25", "config.linkerd.io/proxy-uid": "7"})
    after, _ = inject_document(workload("Deployment"), options)
    assert template_of(after)["metadata"]["annotations"] == {
        INJECT: "ingress",
        "config.linkerd.io/opaque-ports": "25",
        "config.linkerd.io/proxy-uid": "7",
    }
    service, report = inject_document({"kind": "Service", "metadata": {"name": "s"}}, options)
    assert service["metadata"] == {"name": "s", "annotations": {"config.linkerd.io/opaque-ports": "25"}}
    assert report.outcome == "annotated"


def test_a_namespace_is_annotated_itself() -> None:
    after, report = inject_document({"kind": "Namespace", "metadata": {"name": "x"}}, Options())
    assert after["metadata"] == {"name": "x", "annotations": {INJECT: "enabled"}}
    assert report.outcome == "annotated"


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "Service", "metadata": {"name": "s"}},
        {"kind": "ConfigMap", "metadata": {"name": "s"}},
        {"a": 1},
        workload("Deployment", {"metadata": {"annotations": {INJECT: "disabled"}}}),
        workload("Deployment", {"metadata": {"labels": {"linkerd.io/control-plane-component": "identity"}}}),
    ],
)
def test_what_passes_untouched(document: JsonObject) -> None:
    after, report = inject_document(document, Options())
    assert after == document
    assert (report.outcome, report.error) == ("skipped", "")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"hostNetwork": True, "containers": [{"name": "a"}]}, "hostNetwork is enabled"),
        ({"containers": [{"name": "a"}, {"name": "istio-proxy"}]}, "pod has a sidecar injected already"),
        (
            {"hostNetwork": True, "containers": [{"name": "istio-proxy"}]},
            "hostNetwork is enabled, pod has a sidecar injected already",
        ),
        ({"containers": "none"}, "spec.containers: must be a list"),
    ],
)
def test_what_cannot_be_injected_says_why(spec: JsonObject, reason: str) -> None:
    document = workload("Deployment", {"spec": spec})
    after, report = inject_document(document, Options())
    assert after == document
    assert report.error == f"failed to inject deployment/web: {reason}"


def test_ingress_mode_survives_plain_injection() -> None:
    before = workload("Deployment", {"metadata": {"annotations": {INJECT: "ingress"}}})
    after, _ = inject_document(before, Options())
    assert template_of(after)["metadata"]["annotations"][INJECT] == "ingress"


def test_a_template_without_metadata() -> None:
    after, _ = inject_document({"kind": "Job", "spec": {"template": {"spec": {"containers": []}}}}, Options())
    assert template_of(after)["metadata"] == {"annotations": {INJECT: "enabled"}}


_NAMES = st.text("abcdef-", min_size=1, max_size=8)
_PODS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {},
            optional={
                "labels": st.dictionaries(_NAMES, _NAMES, min_size=1, max_size=3),
                "annotations": st.dictionaries(_NAMES, _NAMES, min_size=1, max_size=3),
            },
        ),
        "spec": st.fixed_dictionaries(
            {"containers": st.lists(st.fixed_dictionaries({"name": _NAMES}), min_size=1, max_size=3)},
            optional={
                "initContainers": st.lists(st.fixed_dictionaries({"name": _NAMES}), min_size=1, max_size=2),
                "volumes": st.lists(st.fixed_dictionaries({"name": _NAMES}), min_size=1, max_size=2),
            },
        ),
    }
)
_WORKLOADS = st.builds(workload, st.sampled_from(KINDS), _PODS)


@given(_WORKLOADS)
def test_uninject_after_inject_is_the_original(document: JsonObject) -> None:
    injected, _ = inject_document(document, Options())
    assert uninject_document(injected)[0] == document


@given(_WORKLOADS, st.booleans())
def test_inject_twice_is_inject_once(document: JsonObject, flags: bool) -> None:
    options = Options("enabled", {"config.linkerd.io/proxy-uid": "7"} if flags else {})
    once, _ = inject_document(document, options)
    assert inject_document(once, options)[0] == once


@given(_WORKLOADS, st.booleans())
def test_uninject_undoes_what_the_webhook_does(document: JsonObject, native: bool) -> None:
    config = InjectConfig(trust_anchors="PEM", native_sidecars=native)
    template = template_of(document)
    rendered = inject_pod(template, Target(source=Source.CLI, namespace="x"), config).mutated
    assert rendered is not None
    after, _ = uninject_document({"kind": "Deployment", "spec": {"template": rendered}})
    assert after == {"kind": "Deployment", "spec": {"template": template}}


def test_uninject_keeps_disabled_and_configuration() -> None:
    kept = {INJECT: "disabled", "config.linkerd.io/proxy-uid": "7", "other": "x"}
    before = workload("Deployment", {"metadata": {"annotations": {**kept, "linkerd.io/created-by": "x"}}})
    after, report = uninject_document(before)
    assert template_of(after)["metadata"]["annotations"] == kept
    assert report.outcome == "uninjected"


def test_uninject_leaves_the_meshs_own_objects_alone() -> None:
    document: JsonObject = {"kind": "Namespace", "metadata": {"name": "v", "labels": {"linkerd.io/extension": "viz"}}}
    assert uninject_document(document)[0] == document

"""Injection as a whole: goldens of both forms, properties over random pods, and what is left alone.

`python test_inject.py` writes the goldens again.
"""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkerd_contract.version import VERSION
from linkerd_rules.injection import (
    InjectConfig,
    Injection,
    Malformed,
    ProxyConfig,
    SkipReason,
    Source,
    Target,
    annotate_service,
    inject_pod,
    owner_of,
    uninject_pod,
)
from linkerd_rules.injection.annotations import ADDITIONAL_ENV, SETTINGS
from linkerd_rules.injection.containers import DEBUG_CONTAINER
from linkerd_rules.injection.tree import JsonObject

GOLDEN = Path(__file__).parent / "golden"
ANCHORS = "-----BEGIN CERTIFICATE-----\nTHE ANCHOR\n-----END CERTIFICATE-----\n"
OPAQUE = "config.linkerd.io/opaque-ports"

POD: JsonObject = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "web-57b7f9db85-", "labels": {"app": "web-svc", "version": "v11"}},
    "spec": {
        "serviceAccountName": "web",
        "initContainers": [{"name": "migrate", "image": "migrate:1"}],
        "containers": [
            {
                "name": "web",
                "image": "web:v11",
                "ports": [{"containerPort": 8080, "name": "http"}, {"containerPort": 3306, "name": "mysql"}],
                "readinessProbe": {"httpGet": {"path": "/healthz", "port": 9000}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "emptyDir": {}}],
    },
}
TARGET = Target(
    namespace="emojivoto",
    namespace_annotations={"linkerd.io/inject": "enabled", "config.linkerd.io/proxy-log-level": "debug"},
    owner_kind="deployment",
    owner_name="web",
)
FORMS = {"native": True, "classic": False}


def whole(form: str) -> Injection:
    return inject_pod(POD, TARGET, InjectConfig(ANCHORS, native_sidecars=FORMS[form]))


def render(injection: Injection) -> str:
    return json.dumps(injection.mutated, indent=2, sort_keys=False) + "\n"


def mutated(injection: Injection) -> JsonObject:
    assert injection.injected
    assert injection.mutated is not None
    return injection.mutated


def names(pod: JsonObject, key: str) -> list[object]:
    spec = pod["spec"]
    assert isinstance(spec, dict)
    return [container["name"] for container in spec[key]]


def annotations(pod: JsonObject | None) -> dict[str, str]:
    assert pod is not None
    metadata = pod["metadata"]
    assert isinstance(metadata, dict)
    found = metadata["annotations"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_goldens(form: str) -> None:
    original = copy.deepcopy(POD)
    injection = whole(form)
    assert original == POD
    assert render(injection) == (GOLDEN / f"pod.{form}.json").read_text()
    assert (injection.injected, injection.reasons, injection.warnings) == (True, (), ())
    assert injection.annotation_at == "namespace"


def test_order_of_containers() -> None:
    native, classic = mutated(whole("native")), mutated(whole("classic"))
    assert names(native, "initContainers") == ["linkerd-init", "linkerd-proxy", "migrate"]
    assert names(native, "containers") == ["web"]
    assert names(classic, "initContainers") == ["migrate", "linkerd-init"]
    assert names(classic, "containers") == ["linkerd-proxy", "web"]
    impatient = InjectConfig(ANCHORS, native_sidecars=False, proxy=ProxyConfig(await_proxy=False))
    assert names(mutated(inject_pod(POD, TARGET, impatient)), "containers") == ["web", "linkerd-proxy"]


def test_an_annotation_chooses_the_classic_form() -> None:
    pod = copy.deepcopy(POD)
    pod["metadata"] = {"annotations": {"config.linkerd.io/proxy-enable-native-sidecar": "false"}}
    assert "linkerd-proxy" in names(mutated(inject_pod(pod, TARGET, InjectConfig(ANCHORS))), "containers")


def test_cli_writes_what_the_template_says_only() -> None:
    target = Target(source=Source.CLI, namespace_annotations={OPAQUE: "1", "config.linkerd.io/access-log": "json"})
    found = annotations(mutated(inject_pod(POD, target, InjectConfig(ANCHORS))))
    assert OPAQUE not in found
    assert found["linkerd.io/created-by"].startswith("linkerd/cli ")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hostNetwork": True}, SkipReason.HOST_NETWORK),
        ({"containers": [{"name": "linkerd-proxy"}]}, SkipReason.SIDECAR_EXISTS),
    ],
)
def test_skipped(change: JsonObject, reason: SkipReason) -> None:
    spec = POD["spec"]
    assert isinstance(spec, dict)
    injection = inject_pod({**POD, "spec": {**spec, **change}}, TARGET, InjectConfig(ANCHORS))
    assert not injection.injected
    assert injection.reasons == (reason,)


def test_a_skipped_pod_still_inherits_opaque_ports() -> None:
    injection = inject_pod(POD, Target(namespace="plain"), InjectConfig(ANCHORS))
    assert not injection.injected
    assert injection.reasons == (SkipReason.ANNOTATION_ABSENT,)
    assert annotations(injection.mutated) == {OPAQUE: "3306"}


def test_labels_that_no_label_can_hold_are_left_out() -> None:
    target = Target(namespace="emojivoto", namespace_annotations={"linkerd.io/inject": "enabled"})
    long = Target(target.source, target.namespace, target.namespace_annotations, "deployment", "x" * 64)
    injection = inject_pod(POD, long, InjectConfig(ANCHORS))
    labels = mutated(injection)["metadata"]
    assert isinstance(labels, dict)
    assert "linkerd.io/proxy-deployment" not in labels["labels"]
    assert "linkerd.io/proxy-deployment" in injection.warnings[0]
    # Kinds that Linkerd has no label for.
    node = Target(target.source, target.namespace, target.namespace_annotations, "node", "n1")
    assert not inject_pod(POD, node, InjectConfig(ANCHORS)).warnings


@pytest.mark.parametrize("form", FORMS)
def test_debug_sidecar(form: str) -> None:
    pod = copy.deepcopy(POD)
    own = {"config.linkerd.io/debug-image": "example.org/debug", "config.linkerd.io/debug-image-version": "v1"}
    asked = {"config.linkerd.io/enable-debug-sidecar": "true"}
    config = InjectConfig(ANCHORS, native_sidecars=FORMS[form])
    for annotations, image in ((asked, f"ghcr.io/linkerd-py/debug:{VERSION}"), (asked | own, "example.org/debug:v1")):
        pod["metadata"] = {"annotations": annotations}
        injection = inject_pod(pod, TARGET, config)
        assert injection.warnings == ()
        spec = mutated(injection)["spec"]
        assert isinstance(spec, dict)
        assert (spec["containers"][-1]["name"], spec["containers"][-1]["image"]) == ("linkerd-debug", image)


@pytest.mark.parametrize(
    ("pod", "path"),
    [
        ({"spec": []}, "spec"),
        ({"spec": {}}, "spec.containers"),
        ({"spec": {"containers": [1]}}, "spec.containers[0]"),
        ({"metadata": {"annotations": {"a": 1}}, "spec": {"containers": [{}]}}, "metadata.annotations[a]"),
        ({"metadata": {"labels": []}, "spec": {"containers": [{}]}}, "metadata.labels"),
    ],
)
def test_malformed_pods_name_the_field(pod: JsonObject, path: str) -> None:
    with pytest.raises(Malformed) as error:
        inject_pod(pod, TARGET, InjectConfig(ANCHORS))
    assert error.value.path == path


def test_services_inherit_opaque_ports() -> None:
    service: JsonObject = {"kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": [{"port": 3306}]}}
    injection = annotate_service(service, {}, InjectConfig(ANCHORS))
    assert annotations(injection.mutated) == {OPAQUE: "3306"}
    assert annotate_service({"spec": {"ports": [{"port": 80}]}}, {}, InjectConfig(ANCHORS)).mutated is None


def test_owner_of() -> None:
    owners = [{"kind": "A", "name": "a"}, {"kind": "B", "name": "b", "controller": True}]
    assert owner_of({"ownerReferences": owners}) == ("B", "b")
    assert owner_of({"ownerReferences": owners[:1]}) == ("A", "a")
    assert owner_of({}) == ("", "")


PORTS = st.fixed_dictionaries(
    {"containerPort": st.integers(-1, 70000)},
    optional={"name": st.sampled_from(["http", "mysql", ""]), "protocol": st.sampled_from(["TCP", "UDP"])},
)
CONTAINERS = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["web", "db", "linkerd-proxy"])}, optional={"ports": st.lists(PORTS, max_size=3)}
    ),
    min_size=1,
    max_size=3,
)
KEYS = st.sampled_from([*(s.annotation for s in SETTINGS), ADDITIONAL_ENV, "linkerd.io/inject"])
VALUES = st.sampled_from(
    ["enabled", "disabled", "true", "80", "4143", "http", "100m", "1s", "", "[]", "all-authenticated"]
)
ANNOTATIONS = st.dictionaries(KEYS, VALUES | st.text(max_size=20))
PODS = st.builds(
    lambda containers, inits, found, host: {
        "metadata": {"annotations": found},
        "spec": {"containers": containers, "initContainers": inits, "hostNetwork": host},
    },
    CONTAINERS,
    st.none() | CONTAINERS,
    ANNOTATIONS,
    st.booleans(),
)


@given(PODS, ANNOTATIONS, st.booleans())
def test_injecting_twice_changes_nothing(pod: JsonObject, namespace: dict[str, str], native: bool) -> None:
    config = InjectConfig(ANCHORS, native_sidecars=native)
    target = Target(namespace="ns", namespace_annotations=namespace)
    before = copy.deepcopy(pod)
    first = inject_pod(pod, target, config)
    assert pod == before
    if first.mutated is not None:
        second = inject_pod(first.mutated, target, config)
        assert second.mutated is None
        assert not second.injected


@example(
    {
        "metadata": {"annotations": {"config.linkerd.io/enable-debug-sidecar": "true"}},
        "spec": {"containers": [{"name": "web"}], "initContainers": None, "hostNetwork": False},
    },
    False,
)
@given(PODS, st.booleans())
def test_uninject_gives_the_containers_back(pod: JsonObject, native: bool) -> None:
    injection = inject_pod(pod, Target(source=Source.CLI), InjectConfig(ANCHORS, native_sidecars=native))
    if not injection.injected or injection.mutated is None:
        return
    restored = uninject_pod(injection.mutated)
    assert restored is not None
    before, after = pod["spec"], restored["spec"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    # The debug sidecar stays, as Linkerd leaves it.
    assert [one for one in after["containers"] if one["name"] != DEBUG_CONTAINER] == before["containers"]
    assert (after.get("initContainers") or []) == (before["initContainers"] or [])
    assert "volumes" not in after


if __name__ == "__main__":
    for name in FORMS:
        (GOLDEN / f"pod.{name}.json").write_text(render(whole(name)))

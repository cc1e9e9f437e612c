"""Undoing injection."""

import copy

from linkerd_rules.injection import InjectConfig, Source, Target, inject_pod, uninject_metadata, uninject_pod
from linkerd_rules.injection.tree import JsonObject

POD: JsonObject = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"note": "mine"}},
    "spec": {"containers": [{"name": "web", "image": "web:1"}], "volumes": [{"name": "data", "emptyDir": {}}]},
}


BARE: JsonObject = {"spec": {"containers": [{"name": "web"}]}}


def test_gives_the_original_back() -> None:
    for native in (True, False):
        for pod in (POD, BARE):
            injection = inject_pod(pod, Target(source=Source.CLI), InjectConfig("PEM", native_sidecars=native))
            assert injection.mutated is not None
            before = copy.deepcopy(injection.mutated)
            restored = uninject_pod(injection.mutated)
            assert injection.mutated == before
            assert restored is not None
            assert {**restored, "metadata": restored.get("metadata") or pod.get("metadata")} == {
                **pod,
                "metadata": pod.get("metadata"),
            }


def test_nothing_to_undo() -> None:
    assert uninject_pod(POD) is None
    assert uninject_pod({}) is None


def test_what_is_kept_and_what_is_dropped() -> None:
    metadata: JsonObject = {
        "labels": {"linkerd.io/control-plane-ns": "linkerd", "app": "web"},
        "annotations": {
            "linkerd.io/inject": "disabled",
            "linkerd.io/created-by": "x",
            "config.linkerd.io/proxy-cpu-limit": "1",
            "viz.linkerd.io/tap-enabled": "true",
        },
    }
    assert uninject_metadata(metadata)
    assert metadata == {
        "labels": {"app": "web"},
        "annotations": {
            "linkerd.io/inject": "disabled",
            "config.linkerd.io/proxy-cpu-limit": "1",
            "viz.linkerd.io/tap-enabled": "true",
        },
    }
    enabled: JsonObject = {"annotations": {"linkerd.io/inject": "enabled"}}
    assert uninject_metadata(enabled)
    assert enabled == {}


def test_other_containers_stay() -> None:
    pod: JsonObject = {"spec": {"containers": [{"name": "linkerd-debug"}, {"name": "linkerd-proxy"}]}}
    assert uninject_pod(pod) == {"spec": {"containers": [{"name": "linkerd-debug"}]}}

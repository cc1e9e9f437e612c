"""Metadata through creation, update and deletion."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import lifecycle
from linkerd_sandbox.apiserver.kinds import BUILT_IN, ResourceType
from linkerd_sandbox.apiserver.lifecycle import Birth
from linkerd_sandbox.apiserver.status import StatusError

BIRTH = Birth("2023-01-01T00:00:00Z", "u", "bcdfg")


def _kind(plural: str) -> ResourceType:
    return next(kind for kind in BUILT_IN if kind.plural == plural)


def _stamp(seconds: float) -> str:
    return f"t{seconds:g}"


def test_birth() -> None:
    body: dict[str, Any] = {"metadata": {"generateName": "x" * 80}, "spec": {}, "status": {"a": 1}}
    lifecycle.born(_kind("deployments"), body, BIRTH)
    assert body["metadata"]["name"] == "x" * 58 + "bcdfg"
    assert (body["metadata"]["uid"], body["metadata"]["generation"]) == ("u", 1)
    assert "status" not in body
    with pytest.raises(StatusError, match="name or generateName is required"):
        lifecycle.born(_kind("pods"), {"metadata": {}}, BIRTH)


def _old() -> dict[str, Any]:
    meta = {"name": "x", "uid": "u", "generation": 4, "creationTimestamp": "t", "resourceVersion": "7"}
    return {"metadata": meta, "spec": {"replicas": 1}, "status": {"replicas": 1}}


def test_updates_keep_what_the_server_owns() -> None:
    kind = _kind("deployments")
    new = {"metadata": {"name": "x", "labels": {"a": "b"}}, "spec": {"replicas": 1}, "status": {"replicas": 9}}
    changed = lifecycle.succeed(kind, new, _old(), "")
    assert changed["status"] == {"replicas": 1}
    assert changed["metadata"]["generation"] == 4
    assert changed["metadata"]["labels"] == {"a": "b"}
    changed = lifecycle.succeed(kind, {**new, "spec": {"replicas": 2}}, _old(), "")
    assert changed["metadata"]["generation"] == 5
    changed = lifecycle.succeed(kind, {**new, "spec": {"replicas": 2}}, _old(), "status")
    assert (changed["spec"], changed["status"]) == ({"replicas": 1}, {"replicas": 9})
    noted = {**new, "metadata": {"name": "x", "annotations": {"a": "b"}}}
    assert lifecycle.succeed(kind, noted, _old(), "")["metadata"]["generation"] == 5  # of Deployments, and of no other
    assert lifecycle.succeed(_kind("daemonsets"), noted, _old(), "")["metadata"]["generation"] == 4
    with pytest.raises(StatusError, match="field is immutable"):
        lifecycle.succeed(kind, {"metadata": {"uid": "other"}}, _old(), "")


@pytest.mark.parametrize(
    ("plural", "body", "options", "outcome"),
    [
        ("configmaps", {}, {}, "remove"),
        ("configmaps", {}, {"gracePeriodSeconds": 30}, "remove"),
        ("configmaps", {"metadata": {"finalizers": ["a/b"]}}, {}, "mark"),
        (
            "configmaps",
            {"metadata": {"finalizers": ["a/b"], "deletionTimestamp": "t", "deletionGracePeriodSeconds": 0}},
            {},
            "nothing",
        ),
        ("configmaps", {}, {"propagationPolicy": "Background"}, "remove"),
        ("configmaps", {}, {"propagationPolicy": "Foreground"}, "mark"),
        ("configmaps", {}, {"propagationPolicy": "Orphan"}, "mark"),
        ("configmaps", {}, {"orphanDependents": True}, "mark"),
        ("pods", {}, {}, "remove"),
        ("pods", {"spec": {"nodeName": "n"}}, {}, "mark"),
        ("pods", {"spec": {"nodeName": "n"}}, {"gracePeriodSeconds": 0}, "remove"),
        ("pods", {"spec": {"nodeName": "n"}, "status": {"phase": "Succeeded"}}, {}, "remove"),
        ("namespaces", {"spec": {"finalizers": ["kubernetes"]}}, {}, "mark"),
        ("namespaces", {}, {}, "remove"),
    ],
)
def test_deletions(plural: str, body: dict[str, Any], options: dict[str, Any], outcome: str) -> None:
    old = {**body, "metadata": {"name": "x", "uid": "u", **body.get("metadata", {})}}
    assert lifecycle.delete(_kind(plural), old, options, 100.0, _stamp).outcome == outcome


def test_a_deletion_time_is_when_the_grace_ends() -> None:
    old = {"metadata": {"name": "x"}, "spec": {"nodeName": "n", "terminationGracePeriodSeconds": 5}}
    meta = lifecycle.delete(_kind("pods"), old, {}, 100.0, _stamp).body["metadata"]
    assert (meta["deletionTimestamp"], meta["deletionGracePeriodSeconds"]) == ("t105", 5)


def test_what_is_finished() -> None:
    meta = {"deletionTimestamp": "t", "deletionGracePeriodSeconds": 0}
    assert lifecycle.finished(_kind("configmaps"), {"metadata": meta})
    assert not lifecycle.finished(_kind("configmaps"), {"metadata": {**meta, "finalizers": ["a"]}})
    assert not lifecycle.finished(_kind("pods"), {"metadata": {**meta, "deletionGracePeriodSeconds": 30}})
    assert not lifecycle.finished(_kind("namespaces"), {"metadata": meta, "spec": {"finalizers": ["kubernetes"]}})

"""The stand-in for kubectl: its decisions; its commands run against a server in test_supervisor."""

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import DEPLOYMENTS
from linkerd_sandbox import kubectl
from linkerd_sandbox.manifests import Usage


def test_tables() -> None:
    columns = [{"name": "Name", "priority": 0}, {"name": "Ready", "priority": 0}, {"name": "IP", "priority": 1}]
    rows = [{"cells": ["web-1", "1/1", None], "object": {"metadata": {"namespace": "shop"}}}]
    table: JsonObject = {"columnDefinitions": columns, "rows": rows}
    assert kubectl.table_lines(table, wide=False, namespaces=False) == ["NAME    READY", "web-1   1/1"]
    assert kubectl.table_lines(table, wide=True, namespaces=True)[1] == "shop        web-1   1/1     <none>"
    empty: JsonObject = {"columnDefinitions": columns, "rows": []}
    assert kubectl.table_lines(empty, wide=False, namespaces=False) == ["No resources found"]


def test_conditions_count_for_the_current_generation_only() -> None:
    status = {"observedGeneration": 1, "conditions": [{"type": "Available", "status": "True"}]}
    obj: JsonObject = {"metadata": {"generation": 2}, "status": status}
    assert not kubectl.meets(obj, "condition=Available")
    obj["metadata"]["generation"] = 1
    assert kubectl.meets(obj, "condition=available")
    assert not kubectl.meets(obj, "condition=Available=false")
    assert not kubectl.meets(obj, "condition=Ready")


def test_durations() -> None:
    assert [kubectl.seconds(text) for text in ("30s", "2m", "1h")] == [30, 120, 3600]
    with pytest.raises(Usage):
        kubectl.seconds("soon")


@pytest.mark.parametrize(
    ("words", "namespace"),
    [
        (["-n", "a", "get", "po"], "a"),
        (["get", "po", "-n", "b"], "b"),
        (["-n", "a", "get", "po", "-n", "b"], "b"),
        (["get", "po"], "default"),
    ],
)
def test_the_namespace_may_stand_before_the_command_or_behind_it(words: list[str], namespace: str) -> None:
    assert kubectl.parser().parse_args(words).namespace == namespace


def test_a_collection_is_shown_as_a_list_that_can_be_applied() -> None:
    one: JsonObject = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    assert kubectl.as_list(DEPLOYMENTS, one) == one
    found = kubectl.as_list(DEPLOYMENTS, {"kind": "DeploymentList", "items": [{"metadata": {"name": "web"}}]})
    assert (found["apiVersion"], found["kind"], found["items"]) == ("v1", "List", [one])

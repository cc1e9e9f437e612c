"""The stand-in for kubectl: its decisions; its commands run against a server in test_supervisor."""

from pathlib import Path

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox import kubectl


@pytest.mark.parametrize(
    ("last", "wanted", "live", "patch"),
    [
        ({}, {"a": 1}, {"a": 1, "b": 2}, {}),
        ({}, {"a": 2}, {"a": 1}, {"a": 2}),
        ({"x": 1}, {"a": 1}, {"a": 1, "x": 1}, {"x": None}),
        ({"x": 1}, {"a": 1}, {"a": 1}, {}),
        ({"s": {"x": 1}}, {"s": {"y": 1}}, {"s": {"x": 1, "z": 1}}, {"s": {"x": None, "y": 1}}),
        ({"l": [{"a": 1}]}, {"l": [{"a": 1}]}, {"l": [{"a": 1, "defaulted": 1}]}, {}),
        ({"l": [1]}, {"l": [2]}, {"l": [1]}, {"l": [2]}),
    ],
)
def test_three_way(last: JsonObject, wanted: JsonObject, live: JsonObject, patch: JsonObject) -> None:
    assert kubectl.three_way(last, wanted, live) == patch


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


def test_manifests(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: A\n---\n---\nkind: BList\nitems: [{kind: B}]\n")
    (tmp_path / "b.json").write_text('{"kind": "C"}')
    assert [one["kind"] for one in kubectl.read_manifests([str(tmp_path)])] == ["A", "B", "C"]
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(kubectl.Usage, match="Object 'Kind' is missing"):
        kubectl.read_manifests([str(tmp_path / "b.json")])
    with pytest.raises(kubectl.Usage, match="No such file"):
        kubectl.read_manifests([str(tmp_path / "none.yaml")])


def test_durations() -> None:
    assert [kubectl.seconds(text) for text in ("30s", "2m", "1h")] == [30, 120, 3600]
    with pytest.raises(kubectl.Usage):
        kubectl.seconds("soon")

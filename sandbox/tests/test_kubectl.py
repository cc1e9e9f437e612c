"""The stand-in for kubectl: its decisions; its commands run against a server in test_supervisor."""

import pytest

from linkerd_kube.objects import JsonObject
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

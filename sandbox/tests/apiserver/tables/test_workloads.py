"""Columns of Deployments and their like."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.kinds import BUILT_IN
from linkerd_sandbox.apiserver.tables import table

NOW = 1_700_000_000.0
TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i:1"}, {"name": "d", "image": "j:1"}]}}


def _cells(plural: str, body: dict[str, Any]) -> list[Any]:
    kind = next(kind for kind in BUILT_IN if kind.plural == plural)
    meta = {"name": "x", "creationTimestamp": "2023-11-14T22:12:20Z"}
    cells: list[Any] = table(kind, [{"metadata": meta, **body}], NOW, "None")["rows"][0]["cells"]
    return cells


@pytest.mark.parametrize(
    ("plural", "body", "cells"),
    [
        (
            "deployments",
            {
                "spec": {"replicas": 3, "template": TEMPLATE, "selector": {"matchLabels": {"a": "b"}}},
                "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
            },
            ["x", "1/3", 2, 1, "60s", "c,d", "i:1,j:1", "a=b"],
        ),
        (
            "replicasets",
            {"spec": {"replicas": 2, "template": TEMPLATE}, "status": {"replicas": 2, "readyReplicas": 1}},
            ["x", 2, 2, 1, "60s", "c,d", "i:1,j:1", "<none>"],
        ),
        (
            "jobs",
            {
                "spec": {"completions": 1, "template": TEMPLATE},
                "status": {
                    "succeeded": 1,
                    "startTime": "2023-11-14T22:12:20Z",
                    "completionTime": "2023-11-14T22:12:25Z",
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            ["x", "Complete", "1/1", "5s", "60s", "c,d", "i:1,j:1", "<none>"],
        ),
        (
            "cronjobs",
            {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE}}}},
            ["x", "@daily", "<none>", "False", 0, "<none>", "60s", "c,d", "i:1,j:1", "<none>"],
        ),
    ],
)
def test_cells(plural: str, body: dict[str, Any], cells: list[Any]) -> None:
    assert _cells(plural, body) == cells

"""Columns of kinds that are only kept."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.kinds import BUILT_IN
from linkerd_sandbox.apiserver.tables import table

NOW = 1_700_000_000.0


def _metric(kind: str, source: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, kind.lower(): source}


@pytest.mark.parametrize(
    ("plural", "body", "cells"),
    [
        ("ingresses", {"spec": {"defaultBackend": {}}}, ["x", "<none>", "*", "", "80", "60s"]),
        (
            "ingresses",
            {
                "spec": {"ingressClassName": "c", "tls": [{}], "rules": [{"host": host} for host in "abcde"]},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "h"}]}},
            },
            ["x", "c", "a,b,c + 2 more...", "1.2.3.4,h", "80, 443", "60s"],
        ),
        ("ingressclasses", {"spec": {"controller": "a.b/c"}}, ["x", "a.b/c", "<none>", "60s"]),
        (
            "ingressclasses",
            {"spec": {"controller": "a.b/c", "parameters": {"kind": "P", "apiGroup": "g.h", "name": "n"}}},
            ["x", "a.b/c", "P.g.h/n", "60s"],
        ),
        (
            "horizontalpodautoscalers",
            {
                "spec": {
                    "maxReplicas": 4,
                    "minReplicas": 2,
                    "scaleTargetRef": {"kind": "Deployment", "name": "d"},
                    "metrics": [
                        _metric("Resource", {"name": "memory", "target": {"averageValue": "100Mi"}}),
                        _metric("Pods", {"metric": {"name": "m"}, "target": {"averageValue": "5"}}),
                        _metric("Resource", {"name": "cpu", "target": {"averageUtilization": 80}}),
                    ],
                },
                "status": {"currentReplicas": 3},
            },
            ["x", "Deployment/d", "memory: <unknown>/100Mi, <unknown>/5 + 1 more...", 2, 4, 3, "60s"],
        ),
        ("resourcequotas", {"spec": {"hard": {"pods": "5"}}}, ["x", "60s", "", ""]),
        (
            "resourcequotas",
            {"status": {"hard": {"pods": "5", "limits.cpu": "2", "cpu": "1"}, "used": {"pods": "3"}}},
            ["x", "60s", "cpu: 0/1, pods: 3/5", "limits.cpu: 0/2"],
        ),
    ],
)
def test_cells(plural: str, body: dict[str, Any], cells: list[Any]) -> None:
    kind = next(kind for kind in BUILT_IN if kind.plural == plural)
    meta = {"name": "x", "creationTimestamp": "2023-11-14T22:12:20Z"}
    assert table(kind, [{"metadata": meta, **body}], NOW, "None")["rows"][0]["cells"] == cells

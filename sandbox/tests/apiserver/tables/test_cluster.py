"""Columns of services, nodes, events and bindings."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.kinds import BUILT_IN
from linkerd_sandbox.apiserver.tables import table

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("plural", "body", "cells"),
    [
        (
            "services",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIP": "10.43.0.9",
                    "ports": [{"port": 80, "nodePort": 30000, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
                    "selector": {"a": "b"},
                }
            },
            ["x", "NodePort", "10.43.0.9", "<none>", "80:30000/TCP,53/UDP", "60s", "a=b"],
        ),
        (
            "services",
            {"spec": {"type": "LoadBalancer"}},
            ["x", "LoadBalancer", "<none>", "<pending>", "<none>", "60s", "<none>"],
        ),
        (
            "endpoints",
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
            ["x", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...", "60s"],
        ),
        (
            "endpointslices",
            {"addressType": "IPv4", "ports": [{"port": 80}], "endpoints": [{"addresses": ["10.0.0.1"]}]},
            ["x", "IPv4", "80", "10.0.0.1", "60s"],
        ),
        (
            "nodes",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.42.0.1"}],
                    "nodeInfo": {"kubeletVersion": "v1.32.0", "osImage": "Debian"},
                },
            },
            [
                "x",
                "Ready,SchedulingDisabled",
                "control-plane",
                "60s",
                "v1.32.0",
                "10.42.0.1",
                "<none>",
                "Debian",
                "<unknown>",
                "<unknown>",
            ],
        ),
        (
            "events",
            {
                "type": "Warning",
                "reason": "Failed",
                "message": " no \n",
                "involvedObject": {"kind": "Pod", "name": "p"},
                "source": {"component": "kubelet", "host": "n"},
                "lastTimestamp": "2023-11-14T22:13:00Z",
                "firstTimestamp": "2023-11-14T22:12:20Z",
                "count": 3,
            },
            ["20s", "Warning", "Failed", "pod/p", "", "kubelet, n", "no", "60s", 3, "x"],
        ),
        (
            "clusterrolebindings",
            {
                "roleRef": {"kind": "ClusterRole", "name": "r"},
                "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "name": "s", "namespace": "n"}],
            },
            ["x", "ClusterRole/r", "60s", "u", "", "n/s"],
        ),
    ],
)
def test_cells(plural: str, body: dict[str, Any], cells: list[Any]) -> None:
    kind = next(kind for kind in BUILT_IN if kind.plural == plural)
    meta = {"name": "x", "creationTimestamp": "2023-11-14T22:12:20Z", **body.get("metadata", {})}
    shown = table(kind, [{**body, "metadata": meta}], NOW, "None")
    assert shown["rows"][0]["cells"] == cells

"""Finding the pod to ask."""

import pytest

from linkerd_cli.pods import admin_port, is_ready, pod_name
from linkerd_cli.tree import JsonObject

READY: JsonObject = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("pod", "ready"),
    [
        ({"metadata": {"name": "a"}, "status": {"conditions": [READY]}}, True),
        ({"metadata": {"name": "a", "deletionTimestamp": "x"}, "status": {"conditions": [READY]}}, False),
        ({"metadata": {"name": "a"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),
        ({"metadata": {"name": "a"}}, False),
    ],
)
def test_ready(pod: JsonObject, ready: bool) -> None:
    assert (is_ready(pod), pod_name(pod)) == (ready, "a")


def test_the_port_of_the_proxys_metrics() -> None:
    ports: list[JsonObject] = [
        {"name": "linkerd-proxy", "containerPort": 1},
        {"name": "linkerd-admin", "containerPort": 2},
    ]
    sidecar: JsonObject = {"name": "linkerd-proxy", "ports": ports}
    assert admin_port({"spec": {"initContainers": [sidecar], "containers": [{"name": "app"}]}}) == 2
    assert admin_port({"spec": {"containers": [sidecar]}}) == 2
    assert admin_port({"spec": {"containers": [{"name": "linkerd-proxy"}]}}) == 4191
    assert admin_port({}) == 4191

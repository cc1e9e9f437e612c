"""Finding the pod to ask."""

import pytest

from linkerd_cli.pods import is_ready, pod_name
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

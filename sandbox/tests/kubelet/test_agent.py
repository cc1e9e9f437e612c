"""The Node object."""

from linkerd_sandbox.kubelet import agent


def test_the_node_is_ready_and_complete() -> None:
    node = agent.node_object("sandbox", ("10.42.0.1",), ("10.42.0.0/24",))
    ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
    assert ready["status"] == "True"
    assert node["status"]["addresses"][0] == {"type": "InternalIP", "address": "10.42.0.1"}
    assert node["spec"]["podCIDR"] == "10.42.0.0/24"
    assert all(isinstance(value, str) and value for value in node["status"]["nodeInfo"].values())

"""`linkerd diagnostics profile`."""

import json

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Protocol


async def test_everything_but_the_endpoints(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    backends = {"a": Backend(endpoints=[Endpoint("10.0.0.1:80"), Endpoint("10.0.0.2:80")])}
    destination.answers["/v1/outbound"] = OutboundDocument("a:1", protocol=Protocol.opaque, backends=backends)
    said = await terminal.linkerd("diagnostics", "profile", "a:1", "-n", "x", "-o", "json")
    assert json.loads(said.out)["backends"]["a"]["endpoints"] == 2
    assert destination.asked == [{"target": "a:1", "namespace": "x"}]


async def test_asked_directly(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = OutboundDocument("a:1", protocol=Protocol.opaque)
    address = f"127.0.0.1:{kube.forwards.pop(('destination-1', 9991))}"
    said = await terminal.linkerd("diagnostics", "profile", "a:1", "--api-addr", address)
    assert said.out == "authority: a:1\nprotocol: opaque\n"
    said = await terminal.linkerd("diagnostics", "profile", "a:1", "--api-addr", "127.0.0.1:1")
    assert said.err.startswith("Error: --api-addr 127.0.0.1:1: ")

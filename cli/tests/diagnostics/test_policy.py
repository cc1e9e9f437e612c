"""`linkerd diagnostics policy`."""

import json

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.inbound import InboundDocument, PortPolicy
from linkerd_contract.outbound import OutboundDocument, Protocol
from linkerd_contract.resource import ResourceRef

INBOUND = InboundDocument(
    "x/web", {"8080": PortPolicy(Protocol.http1)}, PortPolicy(server=ResourceRef(name="all-unauthenticated"))
)


@pytest.mark.parametrize(
    ("port", "expected"), [("8080", {"protocol": "http1"}), ("9", {"server": {"name": "all-unauthenticated"}})]
)
async def test_of_a_pods_port(
    terminal: Terminal, kube: Cluster, destination: Api, port: str, expected: dict[str, object]
) -> None:
    destination.answers["/v1/inbound"] = INBOUND
    said = await terminal.linkerd("diagnostics", "policy", "-n", "x", "po/web", port, "-o", "json")
    assert json.loads(said.out) == expected
    assert destination.asked == [{"workload": "x/web"}]


async def test_of_a_service(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = OutboundDocument("a:1", protocol=Protocol.opaque)
    said = await terminal.linkerd("diagnostics", "policy", "-n", "x", "svc/web", "80")
    assert said.out == "authority: a:1\nprotocol: opaque\n"
    assert destination.asked == [{"target": "web.x.svc.cluster.local:80"}]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["deploy/web", "80"], "deploy/web: write po/NAME or svc/NAME"),
        (["po", "80"], "po: write po/NAME or svc/NAME"),
        (["po/web", "0"], "0: ports go from 1 to 65535"),
        (["po/web", "http"], "argument PORT: invalid int value: 'http'; see `linkerd diagnostics policy --help`"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("diagnostics", "policy", *typed)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")

"""`linkerd diagnostics endpoints`."""

import json

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument
from linkerd_contract.problem import Problem
from linkerd_contract.resource import ResourceRef

DOCUMENT = OutboundDocument(
    "web-svc.emojivoto.svc.cluster.local:80",
    backends={
        "b": Backend(
            ResourceRef("core", "Service", "emojivoto", "web-svc", 80),
            endpoints=[
                Endpoint("10.42.0.9:8080", labels={"pod": "web-2", "namespace": "emojivoto"}),
                Endpoint("[fd00::1]:8080", labels={"pod": "web-1", "namespace": "emojivoto"}),
            ],
        )
    },
)


async def test_table(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = DOCUMENT
    said = await terminal.linkerd("diagnostics", "endpoints", "web-svc.emojivoto.svc.cluster.local:80")
    assert said.code == 0
    assert said.out == (
        "NAMESPACE   IP          PORT   POD     SERVICE\n"
        "emojivoto   10.42.0.9   8080   web-2   web-svc.emojivoto\n"
        "emojivoto   fd00::1     8080   web-1   web-svc.emojivoto\n"
    )
    assert destination.asked == [{"target": "web-svc.emojivoto.svc.cluster.local:80"}]


async def test_json(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = DOCUMENT
    said = await terminal.linkerd("diagnostics", "endpoints", "a:1", "b:2", "-o", "json")
    assert json.loads(said.out)[0] == {
        "namespace": "emojivoto",
        "ip": "10.42.0.9",
        "port": 8080,
        "pod": "web-2",
        "service": "web-svc.emojivoto",
    }
    assert destination.asked == [{"target": "a:1"}, {"target": "b:2"}]


async def test_none(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = OutboundDocument("a:1")
    said = await terminal.linkerd("diagnostics", "endpoints", "a:1")
    assert (said.code, said.out, said.err) == (0, "", "No endpoints found.\n")


async def test_a_refusal_in_its_own_words(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/outbound"] = Problem("No answer", 404, "notFound", "there is no service frog")
    said = await terminal.linkerd("diagnostics", "endpoints", "frog:80")
    assert (said.code, said.err) == (1, "Error: there is no service frog\n")

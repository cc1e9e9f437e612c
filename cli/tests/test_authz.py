"""`linkerd authz`."""

import pytest
from cli.tests.cluster import Cluster
from cli.tests.diagnostics.conftest import destination
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_cli.authz import rows_of
from linkerd_contract.inbound import Authorization, InboundDocument, InboundRoute, PortPolicy
from linkerd_contract.resource import ResourceRef

__all__ = ["destination"]

POLICY = Authorization(ResourceRef("policy.linkerd.io", "authorizationpolicy", "x", "web-only"))
OLD = Authorization(ResourceRef("policy.linkerd.io", "serverauthorization", "x", "everybody"))
SERVER = ResourceRef("policy.linkerd.io", "server", "x", "web-http")
DOCUMENT = InboundDocument(
    "x/web",
    {
        "80": PortPolicy(
            server=SERVER,
            authorizations=[OLD],
            routes=[InboundRoute(ResourceRef(kind="HTTPRoute", name="votes"), authorizations=[POLICY])],
        ),
        "81": PortPolicy(server=ResourceRef(kind="server", name="closed")),
        "82": PortPolicy(authorizations=[Authorization()]),
    },
)


def test_rows() -> None:
    assert rows_of(DOCUMENT) == {
        ("*", "web-http", "", "everybody"),
        ("votes", "web-http", "web-only", ""),
        ("*", "closed", "", ""),
    }


async def test_typed(terminal: Terminal, kube: Cluster, destination: Api) -> None:
    destination.answers["/v1/inbound"] = DOCUMENT
    kube.add_pod("x", "web", {}, spec={"containers": [{"name": "linkerd-proxy"}]})
    said = await terminal.linkerd("authz", "-n", "x", "po/web")
    assert said.out == (
        "ROUTE   SERVER     AUTHORIZATION_POLICY   SERVER_AUTHORIZATION\n"
        "*       closed\n"
        "*       web-http                          everybody\n"
        "votes   web-http   web-only\n"
    )
    destination.answers["/v1/inbound"] = InboundDocument("x/web")
    said = await terminal.linkerd("authz", "-n", "x", "po/web")
    assert (said.code, said.out, said.err) == (0, "", "No authorizations: the default policy governs every port.\n")


@pytest.mark.parametrize(
    ("typed", "told"),
    [("po/plain", "no running meshed pod of po/plain in namespace x"), ("po", "pod: write KIND/NAME")],
)
async def test_nothing_to_ask(terminal: Terminal, kube: Cluster, typed: str, told: str) -> None:
    kube.add_pod("x", "plain", {})
    said = await terminal.linkerd("authz", "-n", "x", typed)
    assert (said.code, said.err) == (1, f"Error: {told}\n")

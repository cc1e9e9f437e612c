"""`linkerd viz edges`."""

import json

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_cli.viz.edges import edges_table
from linkerd_contract.viz import EdgeRow, EdgesResponse

SECURED = EdgeRow("vote-bot", "emojivoto", "web", "emojivoto", "default.emojivoto", "web.emojivoto")
PLAIN = EdgeRow("web", "emojivoto", "old", "other", no_tls_reason="not_provided_by_service_discovery")


def test_edges_that_differ_in_their_identities_alone_are_one_line_until_those_are_shown() -> None:
    rows = [EdgeRow("a", "a", "b", "b", f"{client}.a", "x.b") for client in ("one", "two")]
    assert edges_table(rows, wide=False).count("\n") == 2
    assert edges_table(rows, wide=True).count("\n") == 3


async def test_table(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/edges"] = EdgesResponse([SECURED, PLAIN])
    said = await terminal.linkerd("viz", "edges", "deployment")
    assert said.code == 0
    assert said.out == (
        "SRC        DST   SRC_NS      DST_NS      SECURED\n"
        "vote-bot   web   emojivoto   emojivoto   √\n"
        "web        old   emojivoto   other       not_provided_by_service_discovery\n"
    )
    assert api.asked == [{"kind": "deployment"}]


async def test_wide(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/edges"] = EdgesResponse([SECURED])
    said = await terminal.linkerd("viz", "edges", "po", "-o", "wide", "-n", "emojivoto")
    assert said.out == (
        "SRC        DST   SRC_NS      DST_NS      CLIENT_ID           SERVER_ID       SECURED\n"
        "vote-bot   web   emojivoto   emojivoto   default.emojivoto   web.emojivoto   √\n"
    )
    assert api.asked == [{"kind": "pod", "namespace": "emojivoto"}]


async def test_json(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/edges"] = EdgesResponse([SECURED])
    said = await terminal.linkerd("viz", "edges", "deploy", "-o", "json")
    assert json.loads(said.out) == [
        {
            "src": "vote-bot",
            "src_namespace": "emojivoto",
            "dst": "web",
            "dst_namespace": "emojivoto",
            "client_id": "default.emojivoto",
            "server_id": "web.emojivoto",
            "no_tls_reason": "",
        }
    ]


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/edges"] = EdgesResponse([], ["x/a"])
    said = await terminal.linkerd("viz", "edges", "deploy")
    assert (said.code, said.out) == (0, "")
    assert said.err == "‼ metrics of 1 pod could not be read: x/a\nNo edges found.\n"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["deploy/web"], 'cannot find Kubernetes canonical name from friendly name "deploy/web"'),
        (
            ["deploy", "-o", "xml"],
            "argument -o/--output: invalid choice: 'xml' (choose from 'table', 'wide', 'json'); ",
        ),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("viz", "edges", *typed)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")

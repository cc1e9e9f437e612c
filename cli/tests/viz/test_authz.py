"""`linkerd viz authz`."""

import json

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.viz import AuthzResponse, AuthzRow

ALLOWED = AuthzRow(
    *("default", "web-http", "authorizationpolicy/web", "emojivoto"),
    success=1.0,
    rps=2.0,
    latency_p50=1.0,
    latency_p95=2.0,
    latency_p99=3.0,
    clients=["vote-bot.emojivoto"],
)
DENIED = AuthzRow("default", "web-http", "", "emojivoto", denied_rps=0.5, clients=["unauthenticated"])


async def test_table(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/authz"] = AuthzResponse([ALLOWED, DENIED], ["x/a"])
    said = await terminal.linkerd("viz", "authz", "deploy/web", "-n", "emojivoto")
    assert said.err == "‼ metrics of 1 pod could not be read: x/a\n"
    assert [line.split() for line in said.out.splitlines()] == [
        [
            *("ROUTE", "SERVER", "AUTHORIZATION", "UNAUTHORIZED", "SUCCESS", "RPS"),
            *("LATENCY_P50", "LATENCY_P95", "LATENCY_P99"),
        ],
        ["default", "web-http", "authorizationpolicy/web", "-", "100.00%", "2.0rps", "1ms", "2ms", "3ms"],
        ["default", "web-http", "[UNAUTHORIZED]", "0.5rps", "-", "-", "-", "-", "-"],
    ]
    assert api.asked == [{"kind": "deployment", "name": "web", "namespace": "emojivoto", "window": "1m"}]


async def test_wide_names_the_clients(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/authz"] = AuthzResponse([ALLOWED, DENIED])
    said = await terminal.linkerd("viz", "authz", "po", "-o", "wide")
    assert [line.split()[-1] for line in said.out.splitlines()] == ["CLIENTS", "vote-bot.emojivoto", "unauthenticated"]


async def test_json(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/authz"] = AuthzResponse([DENIED])
    (row,) = json.loads((await terminal.linkerd("viz", "authz", "po", "-o", "json")).out)
    assert (row["server"], row["unauthorized_rps"], row["rps"]) == ("web-http", 0.5, None)
    assert row["clients"] == ["unauthenticated"]


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/authz"] = AuthzResponse([])
    said = await terminal.linkerd("viz", "authz", "deploy")
    assert (said.code, said.out, said.err) == (0, "", "No traffic found.\n")

"""`linkerd viz stat-inbound`."""

import json

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.viz import StatInboundResponse, StatInboundRow

PATH = "/api/v1/stat-inbound"
VOTES = StatInboundRow("emojivoto", "web", "web-http", "8080", "votes", "HTTPRoute", 0.9, 2.0, 1.0, 2.0, 3.0)
PLAIN = StatInboundRow("emojivoto", "web", "[default]", "9090", "[default]", "", 1.0, 0.25)

TABLE = """\
NAME   SERVER           ROUTE       TYPE        SUCCESS    RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99
web    [default]:9090   [default]               100.00%   0.25             -             -             -
web    web-http:8080    votes       HTTPRoute    90.00%   2.00           1ms           2ms           3ms
"""


async def test_table(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatInboundResponse([PLAIN, VOTES], ["x/a"])
    said = await terminal.linkerd("viz", "stat-inbound", "deploy/web", "-n", "emojivoto", "-t", "5m", "-l", "a=b")
    assert (said.code, said.out) == (0, TABLE)
    assert said.err == "‼ metrics of 1 pod could not be read: x/a\n"
    assert api.asked == [
        {"kind": "deployment", "name": "web", "namespace": "emojivoto", "window": "5m", "selector": "a=b"}
    ]


async def test_all_namespaces_are_told_apart(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatInboundResponse([VOTES])
    said = await terminal.linkerd("viz", "stat-inbound", "deploy", "-A")
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["NAMESPACE", "NAME", "SERVER"],
        ["emojivoto", "web", "web-http:8080"],
    ]
    assert api.asked == [{"kind": "deployment", "window": "1m"}]


async def test_json_has_linkerds_fields(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatInboundResponse([VOTES])
    said = await terminal.linkerd("viz", "stat-inbound", "deploy", "-o", "json")
    assert json.loads(said.out) == [
        {
            "namespace": "emojivoto",
            "name": "web",
            "server": "web-http",
            "port": "8080",
            "route": "votes",
            "routeType": "HTTPRoute",
            "successesRate": 0.9,
            "rps": 2.0,
            "latencyMsP50": 1.0,
            "latencyMsP95": 2.0,
            "latencyMsP99": 3.0,
        }
    ]


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatInboundResponse([])
    said = await terminal.linkerd("viz", "stat-inbound", "deploy")
    assert (said.code, said.out, said.err) == (0, "", "No traffic found.\n")

"""`linkerd viz stat-outbound`."""

import json

from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.viz import StatOutboundResponse, StatOutboundRow

PATH = "/api/v1/stat-outbound"
_PLACE = ("emojivoto", "web", "voting-svc", "emojivoto", "8080", "votes", "HTTPRoute")
_LATENCY = (1.0, 2.0, 3.0)
ROUTE = StatOutboundRow(*_PLACE, "", "", "", 1.0, 2.0, *_LATENCY, 0.0, 0.2)
CANARY = StatOutboundRow(*_PLACE, "canary", "emojivoto", "8080", 0.5, 1.0, *_LATENCY, 0.1)
STABLE = StatOutboundRow(*_PLACE, "stable", "emojivoto", "8080", 1.0, 1.5, *_LATENCY, 0.0)
PLAIN = StatOutboundRow(
    "emojivoto", "web", "x", "emojivoto", "80", "[default]", success=1.0, rps=0.5, timeouts=0.0, retries=0.0
)

TABLE = """\
NAME   SERVICE           ROUTE       TYPE        BACKEND       SUCCESS    RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TIMEOUTS   RETRIES
web    voting-svc:8080   votes       HTTPRoute                 100.00%   2.00           1ms           2ms           3ms      0.00%    20.00%
                         ├─          ─►          canary:8080    50.00%   1.00           1ms           2ms           3ms     10.00%
                         └─          ─►          stable:8080   100.00%   1.50           1ms           2ms           3ms      0.00%
web    x:80              [default]                             100.00%   0.50             -             -             -      0.00%     0.00%
"""  # noqa: E501


async def test_table(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatOutboundResponse([ROUTE, CANARY, STABLE, PLAIN], ["x/a"])
    said = await terminal.linkerd("viz", "stat-outbound", "deploy/web", "-n", "emojivoto")
    assert (said.code, said.out) == (0, TABLE)
    assert said.err == "‼ metrics of 1 pod could not be read: x/a\n"
    assert api.asked == [{"kind": "deployment", "name": "web", "namespace": "emojivoto", "window": "1m"}]


async def test_all_namespaces_are_told_apart(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatOutboundResponse([ROUTE, STABLE])
    said = await terminal.linkerd("viz", "stat-outbound", "po", "-A")
    assert [line.split()[:3] for line in said.out.splitlines()] == [
        ["NAMESPACE", "NAME", "SERVICE"],
        ["emojivoto", "web", "voting-svc:8080"],
        ["└─", "─►", "stable:8080"],
    ]


async def test_json_has_linkerds_fields(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatOutboundResponse([ROUTE, CANARY])
    route, canary = json.loads((await terminal.linkerd("viz", "stat-outbound", "deploy", "-o", "json")).out)
    shared = {
        "namespace": "emojivoto",
        "name": "web",
        "service": "voting-svc",
        "serviceNamespace": "emojivoto",
        "port": "8080",
        "route": "votes",
        "routeType": "HTTPRoute",
        "latencyMsP50": 1.0,
        "latencyMsP95": 2.0,
        "latencyMsP99": 3.0,
    }
    assert route == shared | {"successRate": 1.0, "rps": 2.0, "timeoutRate": 0.0, "retryRate": 0.2}
    backend = {"backend": "canary", "backendNamespace": "emojivoto", "backendPort": "8080"}
    assert canary == shared | backend | {"successRate": 0.5, "rps": 1.0, "timeoutRate": 0.1}


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers[PATH] = StatOutboundResponse([])
    said = await terminal.linkerd("viz", "stat-outbound", "deploy")
    assert (said.code, said.out, said.err) == (0, "", "No traffic found.\n")

"""`linkerd viz routes`."""

import json

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api

from linkerd_contract.problem import Problem
from linkerd_contract.viz import RouteRow, RoutesResponse

VOTE = RouteRow("POST /vote", "voting", 0.9375, 0.21, 0.5, 0.42, 1.2, 4.0, 5.0)
DEFAULT = RouteRow("[DEFAULT]", "voting")


async def test_table(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/routes"] = RoutesResponse([VOTE, DEFAULT], ["x/a"])
    said = await terminal.linkerd("viz", "routes", "service/voting", "-n", "emojivoto")
    assert (said.code, said.err) == (0, "‼ metrics of 1 pod could not be read: x/a\n")
    assert said.out == (
        "ROUTE        SERVICE   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99\n"
        "POST /vote    voting    93.75%   0.2rps           1ms           4ms           5ms\n"
        "[DEFAULT]     voting         -        -             -             -             -\n"
    )
    assert api.asked == [{"kind": "service", "name": "voting", "namespace": "emojivoto", "window": "1m"}]


async def test_wide_tells_requests_from_attempts(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/routes"] = RoutesResponse([VOTE])
    said = await terminal.linkerd("viz", "routes", "deploy/web", "--to", "svc/voting", "-o", "wide", "-t", "5m")
    header, line = (line.split() for line in said.out.splitlines())
    assert header[2:6] == ["EFFECTIVE_SUCCESS", "EFFECTIVE_RPS", "ACTUAL_SUCCESS", "ACTUAL_RPS"]
    assert line[3:7] == ["93.75%", "0.2rps", "50.00%", "0.4rps"]
    assert api.asked == [
        {"kind": "deployment", "name": "web", "window": "5m", "to_kind": "service", "to_name": "voting"}
    ]


async def test_json(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/routes"] = RoutesResponse([VOTE])
    said = await terminal.linkerd("viz", "routes", "svc", "-o", "json")
    assert json.loads(said.out) == [
        {
            "route": "POST /vote",
            "authority": "voting",
            "effective_success": 0.9375,
            "effective_rps": 0.21,
            "actual_success": 0.5,
            "actual_rps": 0.42,
            "latency_ms_p50": 1,
            "latency_ms_p95": 4,
            "latency_ms_p99": 5,
        }
    ]


async def test_none(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/routes"] = RoutesResponse([])
    said = await terminal.linkerd("viz", "routes", "svc/x")
    assert (said.code, said.out) == (0, "")
    assert said.err.startswith("No routes found")


@pytest.mark.parametrize("command", [["routes", "svc/x"], ["stat", "deploy"], ["authz", "deploy"], ["edges", "po"]])
async def test_a_prometheus_that_is_away(terminal: Terminal, kube: Cluster, api: Api, command: list[str]) -> None:
    cause = "the Prometheus at http://p:9090 cannot be asked: Connection refused"
    problem = Problem("Measurements unavailable", 503, "unavailable", cause)
    api.answers[f"/api/v1/{command[0]}"] = problem
    said = await terminal.linkerd("viz", *command)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {cause}\n")

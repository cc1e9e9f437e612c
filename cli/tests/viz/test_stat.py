"""`linkerd viz stat`."""

import json
from pathlib import Path

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cli.tests.viz.api import Api
from msgspec.structs import replace

from linkerd_cli.viz.stat import json_row, stat_table, tables
from linkerd_contract.codec import decode
from linkerd_contract.viz import Dependency, StatResponse, StatRow

WEB = StatRow(
    "emojivoto",
    "deployment",
    "web",
    meshed=1,
    total=2,
    success=0.98765,
    rps=12.34,
    latency_p50=1.4,
    latency_p95=17.6,
    latency_p99=99.0,
    tcp_open_connections=3,
    tcp_read_bytes_rate=512.55,
    tcp_write_bytes_rate=1024.0,
    dependencies=[Dependency("deployment", "emojivoto", "emoji")],
)
VOTE_BOT = StatRow("emojivoto", "deployment", "vote-bot", meshed=1, total=1)


GOLDEN = Path(__file__).parents[3] / "libs/contract/tests/golden/viz-stat.json"


def test_the_contracts_golden_answer() -> None:
    rows = decode(GOLDEN.read_bytes(), StatResponse).rows
    assert [line.split() for line in stat_table(rows, namespaces=False, wide=False).splitlines()[1:]] == [
        ["web", "Running", "1/1", "98.00%", "2.5rps", "1ms", "2ms", "4ms", "4"],
        ["idle", "0/1", "-", "-", "-", "-", "-", "-"],
    ]


def test_linkerds_columns() -> None:
    assert tables([VOTE_BOT, WEB], namespaces=False, wide=False) == (
        "NAME       MESHED   SUCCESS       RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN\n"
        "vote-bot      1/1         -         -             -             -             -          -\n"
        "web           1/2    98.77%   12.3rps           1ms          18ms          99ms          3\n"
    )


def test_namespaces_status_and_bytes() -> None:
    pod = replace(WEB, kind="pod", name="web-1", status="Running")
    text = stat_table([pod], namespaces=True, wide=True)
    assert text.splitlines()[0].split() == [
        *("NAMESPACE", "NAME", "STATUS", "MESHED", "SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99"),
        *("TCP_CONN", "READ_BYTES/SEC", "WRITE_BYTES/SEC"),
    ]
    assert text.splitlines()[1].split()[-2:] == ["512.5B/s", "1024.0B/s"]
    assert text.splitlines()[1].split()[:3] == ["emojivoto", "web-1", "Running"]


async def test_all_namespaces_where_nothing_names_one(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse([VOTE_BOT, WEB])
    said = await terminal.linkerd("viz", "stat", "deploy")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("NAMESPACE   NAME       MESHED   SUCCESS")
    assert api.asked == [{"kind": "deployment", "window": "1m", "unmeshed": "false"}]


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        (["deploy", "-n", "x", "-t", "30s", "--unmeshed"], [{"namespace": "x", "window": "30s", "unmeshed": "true"}]),
        (["deploy/web", "-A"], [{"name": "web"}]),
        (["deploy", "web", "emoji"], [{"namespace": "ctx", "name": "web"}, {"namespace": "ctx", "name": "emoji"}]),
        (["deploy", "-l", "a=b,c"], [{"namespace": "ctx", "selector": "a=b,c"}]),
        (["deploy", "--to", "svc/x"], [{"namespace": "ctx", "to_kind": "service", "to_name": "x"}]),
        (
            ["deploy", "--from", "po", "--from-namespace", "y"],
            [{"namespace": "ctx", "from_kind": "pod", "from_namespace": "y"}],
        ),
        (["ts", "-A"], [{"kind": "trafficsplit"}]),
        (["au", "-A"], [{"kind": "authority"}]),
        (["ns"], [{"kind": "namespace"}]),
        (["ns", "-n", "x"], [{"kind": "namespace", "namespace": "x"}]),
    ],
)
async def test_what_is_asked(
    terminal: Terminal, kube: Cluster, api: Api, typed: list[str], asked: list[dict[str, str]]
) -> None:
    terminal.connect(kube.url, namespace="ctx")
    api.answers["/api/v1/stat"] = StatResponse([WEB])
    assert (await terminal.linkerd("viz", "stat", *typed)).code == 0
    defaults = {"kind": "deployment", "window": "1m", "unmeshed": "false"}
    assert api.asked == [defaults | query for query in asked]


async def test_json_is_linkerds_with_dependencies(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse([WEB, VOTE_BOT])
    said = await terminal.linkerd("viz", "stat", "-o", "json", "deployments")
    web, vote_bot = json.loads(said.out)
    assert web == {
        "namespace": "emojivoto",
        "kind": "deployment",
        "name": "web",
        "success": 0.98765,
        "rps": 12.34,
        "latency_ms_p50": 1,
        "latency_ms_p95": 18,
        "latency_ms_p99": 99,
        "tcp_open_connections": 3,
        "tcp_read_bytes_rate": 512.55,
        "tcp_write_bytes_rate": 1024.0,
        "dependencies": [{"kind": "deployment", "namespace": "emojivoto", "name": "emoji"}],
    }
    assert (vote_bot["success"], vote_bot["rps"], vote_bot["dependencies"]) == (None, None, [])


async def test_pods_that_cannot_be_read_are_named(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse([], unscraped=["x/a", "x/b"])
    said = await terminal.linkerd("viz", "stat", "po")
    assert (said.code, said.out) == (0, "")
    assert said.err == "‼ metrics of 2 pods could not be read: x/a, x/b\nNo traffic found.\n"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["frog"], 'cannot find Kubernetes canonical name from friendly name "frog"'),
        (["all/x"], "all: no names can be given with it"),
        (["deploy", "--to", "server/x"], "server: not a kind that this command takes"),
        (["deploy", "--to", "frog/x"], 'cannot find Kubernetes canonical name from friendly name "frog"'),
        ([], "the following arguments are required: KIND[/NAME]; see `linkerd viz stat --help`"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("viz", "stat", *typed)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")


SPLIT = StatRow("emojivoto", "trafficsplit", "web-split", success=1.0, rps=1.6, apex="web-svc", leaf="v1", weight="80")


def test_a_split_has_a_line_for_each_leaf() -> None:
    assert tables([SPLIT], namespaces=False, wide=False) == (
        "NAME        APEX      LEAF   WEIGHT   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99\n"
        "web-split   web-svc   v1         80   100.00%   1.6rps             -             -             -\n"
    )
    assert tables([WEB, SPLIT], namespaces=True, wide=False).count("NAMESPACE") == 2
    assert json_row(SPLIT)["leaf"] == "v1"
    assert "leaf" not in json_row(WEB)


def test_an_authority_has_no_pods() -> None:
    text = stat_table([StatRow("x", "authority", "web.x:80", rps=1.0)], namespaces=False, wide=False)
    assert text.split()[:2] == ["NAME", "SUCCESS"]


SERVER = StatRow("emojivoto", "server", "voting-grpc", success=0.5, rps=2.4, latency_p50=1.0, denied_rps=1.0)


def test_a_server_says_what_was_refused() -> None:
    assert tables([SERVER], namespaces=False, wide=True) == (
        "NAME          UNAUTHORIZED   SUCCESS      RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99\n"
        "voting-grpc         1.0rps    50.00%   2.4rps           1ms             -             -\n"
    )
    assert json_row(SERVER)["unauthorized_rps"] == 1.0
    assert "unauthorized_rps" not in json_row(WEB)


async def test_all_is_every_kind(terminal: Terminal, kube: Cluster, api: Api) -> None:
    api.answers["/api/v1/stat"] = StatResponse([])
    said = await terminal.linkerd("viz", "stat", "all", "-n", "x")
    assert said.err == "No traffic found.\n"
    kinds = [asked["kind"] for asked in api.asked]
    assert kinds[0] == "deployment"
    assert set(kinds) == {
        *("deployment", "statefulset", "daemonset", "cronjob", "job", "replicationcontroller", "pod"),
        *("service", "authority", "trafficsplit"),
    }


def test_kinds_have_a_table_each_and_say_which() -> None:
    pod = StatRow("emojivoto", "pod", "web-1", status="Running", meshed=1, total=1)
    assert tables([WEB, pod], namespaces=False, wide=False).split("\n")[3:] == [
        "NAME       STATUS    MESHED   SUCCESS   RPS   LATENCY_P50   LATENCY_P95   LATENCY_P99   TCP_CONN",
        "po/web-1   Running      1/1         -     -             -             -             -          -",
        "",
    ]
    assert "deploy/web " in tables([WEB, pod], namespaces=False, wide=False)

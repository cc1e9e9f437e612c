"""viz over a Prometheus that is configured by examples/monitoring, beside viz that scrapes by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml
from tests.e2e.clusters import GIVEN
from tests.e2e.monitored import EXAMPLES, MONITORING, SPACE, URL, VIZ, Monitored, monitored

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.testing.cluster import CONTROL_PLANE, Cluster, until
from linkerd_testkit.prometheus import MISSING

pytestmark = pytest.mark.root

SECONDS = 90.0
Json = None | bool | float | str | list["Json"] | dict[str, "Json"]


@pytest.fixture(scope="module")
def seen(mesh_cluster: Cluster) -> Iterator[Monitored]:
    """A minute of emojivoto in both stores."""
    if MISSING:
        pytest.skip(MISSING)
    if GIVEN:
        pytest.skip("Debian's prometheus runs as a pod of a sandbox, and E2E_KUBECONFIG names another cluster")
    with monitored(mesh_cluster) as found:
        scraped = f'count_over_time(up{{job="linkerd-proxy",namespace="{SPACE}"}}[1m]) >= 6'
        until(lambda: len(found.query(scraped)) == 6, SECONDS, "a minute of scrapes of all six meshed pods")
        yield found


COMMANDS = [
    ("stat", "deploy"),
    ("stat", "po"),
    ("stat", "rs"),
    ("stat", "ns"),
    ("stat", "svc"),
    ("stat", "au"),
    ("stat", "ts"),
    ("stat", "deploy", "-t", "30s"),
    ("stat", "deploy", "-l", "app.kubernetes.io/name=voting"),
    ("stat", "deploy", "--to", "deploy/voting"),
    ("stat", "deploy", "--to", "svc/web-svc"),
    ("stat", "deploy", "--from", "deploy/web-v1"),
    ("stat-inbound", "deploy"),
    ("stat-outbound", "deploy"),
    ("edges", "deploy"),
    ("edges", "po"),
    ("routes", "svc/voting"),
    ("routes", "deploy/web-v1", "--to", "svc/voting"),
    ("authz", "deploy"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_both_stores_say_the_same(seen: Monitored, command: tuple[str, ...]) -> None:
    typed = (*command, "-n", SPACE, "-o", "json")

    found: list[str] = []

    def agree() -> bool:
        one, other = (json.loads(seen.viz(*typed, own=own).stdout) for own in (True, False))
        assert one, "nothing to compare"
        found[:] = _differences(one, other, "")
        return not found

    try:
        # A series' first sample counts for nothing in Prometheus, and what began a moment ago only one of them may have
        # scraped: so until that has left the window.
        until(agree, SECONDS, "the same answers")
    except AssertionError as error:
        raise AssertionError("\n".join([str(error), *found])) from None


def _differences(own: Json, theirs: Json, where: str) -> Iterator[str]:
    """Where two answers differ: figures by more than other times of scrapes explain, all the rest at all."""
    if isinstance(own, dict) and isinstance(theirs, dict) and own.keys() == theirs.keys():
        for key in own:
            yield from _differences(own[key], theirs[key], f"{where}.{key}")
    elif isinstance(own, list) and isinstance(theirs, list) and len(own) == len(theirs):
        for number, pair in enumerate(zip(own, theirs, strict=True)):
            yield from _differences(*pair, f"{where}[{number}]")
    elif isinstance(own, float | int) and isinstance(theirs, float | int):
        if not _close(where.rpartition(".")[2], own, theirs):
            yield f"{where}: {own} of its own scrapes, {theirs} by Prometheus"
    elif own != theirs:
        yield f"{where}: {own!r} of its own scrapes, {theirs!r} by Prometheus"


def _close(name: str, own: float, theirs: float) -> bool:
    if name.startswith(("meshed", "total")):
        return own == theirs
    if "success" in name:
        return abs(own - theirs) < 0.1
    if "latency" in name:
        # Of a few dozen requests, one more or less in the window moves p95 to the next bucket and beyond.
        return "p50" not in name or abs(own - theirs) <= max(1.0, 0.5 * own)
    if "open" in name:
        return abs(own - theirs) <= 2
    return abs(own - theirs) <= 0.1 + 0.2 * own


def test_pods_are_listed(seen: Monitored) -> None:
    one, other = (seen.viz("list", "-n", SPACE, own=own).stdout for own in (True, False))
    assert one == other
    assert len(one.splitlines()) == 1 + 6
    assert "METRICS" not in one.splitlines()[0]


def test_viz_is_well(seen: Monitored) -> None:
    lines = seen.viz("check", "--proxy", "-n", SPACE, own=False).stdout.splitlines()
    assert "√ prometheus is installed and configured correctly" in lines
    assert "√ data plane proxy metrics are present" in lines


def test_every_proxy_and_every_controller_is_scraped(seen: Monitored) -> None:
    up = seen.query("up")
    assert {series["metric"]["job"] for series in up if series["value"][1] != "1"} == set()
    scraped: dict[str, set[tuple[str, str]]] = {"linkerd-proxy": set(), "linkerd-controller": set()}
    for series in up:
        labels = series["metric"]
        scraped[labels["job"]].add((labels["namespace"], labels["pod"]))
    meshed: set[tuple[str, str]] = set()
    controllers: set[tuple[str, str]] = set()
    for pod in seen.cluster.do(seen.cluster.client.get(PODS.path(None)))["items"]:
        meta = pod["metadata"]
        if "linkerd.io/control-plane-ns" in meta["labels"]:
            meshed.add((meta["namespace"], meta["name"]))
        elif meta["namespace"] in (CONTROL_PLANE, VIZ):
            controllers.add((meta["namespace"], meta["name"]))
    assert scraped == {"linkerd-proxy": meshed, "linkerd-controller": controllers}


VARIABLES = {"$namespace": SPACE, "$deployment": "web-v1"}
_LABELS = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")
_THRESHOLD = re.compile(r" (?:<|>|==) [0-9.]+")


def _panels() -> list[tuple[str, str, str]]:
    """(where, expression, what it is shown by) of every query of the dashboards."""
    return [
        (f"{file.stem}: {panel['title']} {target['refId']}", target["expr"], target.get("legendFormat", ""))
        for file in sorted((EXAMPLES / "grafana").glob("*.json"))
        for panel in json.loads(file.read_text())["panels"]
        for target in panel["targets"]
    ]


def _alerts() -> list[tuple[str, str, str]]:
    """The same of the alerts, with every threshold left out: what they are computed from must be there."""
    return [
        (rule["alert"], _THRESHOLD.sub("", rule["expr"]), " ".join(rule["annotations"].values()))
        for group in yaml.safe_load((EXAMPLES / "alerts.yml").read_text())["groups"]
        for rule in group["rules"]
    ]


ASKED = [*_panels(), *_alerts()]


@pytest.mark.parametrize(("expression", "shown"), [q[1:] for q in ASKED], ids=[q[0] for q in ASKED])
def test_every_dashboard_and_alert_has_something_to_show(seen: Monitored, expression: str, shown: str) -> None:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    found = until(lambda: _of_emojivoto(seen.query(expression)), 60, expression)
    assert not [series for series in found if series["value"][1] == "NaN"], found
    labels = set(_LABELS.findall(shown)) - {"job"}
    assert all(labels <= series["metric"].keys() for series in found), (labels, found)


def _of_emojivoto(found: list[JsonObject]) -> list[JsonObject]:
    """Alerts look at all namespaces; workloads of other tests that nobody asks anything have shares of nothing: NaN."""
    return [series for series in found if series["metric"].get("namespace", SPACE) == SPACE]


def test_the_dashboards_variables_can_be_chosen(seen: Monitored) -> None:
    for file in (EXAMPLES / "grafana").glob("*.json"):
        for variable in json.loads(file.read_text())["templating"]["list"]:
            if variable["type"] == "query":
                family, _, label = (
                    variable["definition"].removeprefix("label_values(").removesuffix(")").rpartition(",")
                )
                family = family.replace("$namespace", SPACE)
                values = {s["metric"].get(label.strip()) for s in seen.query(f"count by ({label}) ({family})")}
                assert VARIABLES[f"${variable['name']}"] in values, (file.name, variable["name"], values)


def test_rules_are_evaluated(seen: Monitored) -> None:
    def evaluated() -> bool:
        data = seen.prometheus("rules")
        assert isinstance(data, dict)
        rules = [rule for group in data["groups"] for rule in group["rules"]]
        assert not [rule["lastError"] for rule in rules if rule.get("lastError")]
        return bool(rules) and all(rule["health"] == "ok" for rule in rules)

    until(evaluated, 90, "every alert is evaluated")


AWAY = [c for c in COMMANDS if c[1] in ("deploy", "svc/voting")] + [("list",), ("check", "--wait", "1s")]


@pytest.fixture(scope="module")
def away(seen: Monitored) -> Monitored:
    """The same with no Prometheus; nothing after this has one."""
    seen.cluster.scale(MONITORING, "prometheus", 0)
    until(lambda: not seen.cluster.pods(MONITORING, "app=prometheus"), 60, "no Prometheus")
    until(lambda: not seen.cluster.endpoints(MONITORING, "prometheus"), 60, "a Service without endpoints")
    return seen


@pytest.mark.parametrize("command", AWAY, ids=" ".join)
def test_a_prometheus_that_is_away_is_named_with_the_cause(away: Monitored, command: tuple[str, ...]) -> None:
    done = away.viz(*command, own=False, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert re.search(rf"the Prometheus at {re.escape(URL)} cannot be asked: .*(refused|Connect call failed)", said), (
        said
    )
    assert away.viz(*command, own=True).returncode == 0 or command[0] == "check"

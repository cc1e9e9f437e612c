"""The monitoring examples: as promtool reads them, and against the names that the proxy has."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TypeVar

import pytest
import yaml

from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.telemetry.process import ProcessMetrics
from linkerd_proxy.telemetry.registry import AnyFamily, Registry
from linkerd_viz.families import WANTED

HERE = Path(__file__).parents[1]
DASHBOARDS = sorted((HERE / "grafana").glob("*.json"))
promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool on PATH; `apt-get install prometheus` brings it"
)
_WORDS = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
# Of PromQL, of Prometheus itself, and labels.
_OTHERS = {"label_values", "histogram_quantile", "le", "srv_name", "rt_route", "dst_namespace", "dst_deployment"}


F = TypeVar("F", bound=AnyFamily)


class _Known(Registry):
    """Remembers the names of its families."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        super().__init__()

    def add(self, family: F) -> F:
        self.names.add(family.name)
        return super().add(family)


def _expressions() -> list[tuple[str, str]]:
    """(where, expression) of every panel and every alert."""
    found = []
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text())["panels"]:
            found += [(f"{file.name}: {panel['title']}", target["expr"]) for target in panel["targets"]]
    for group in yaml.safe_load((HERE / "alerts.yml").read_text())["groups"]:
        found += [(rule["alert"], rule["expr"]) for rule in group["rules"]]
    return found


def _run(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_promtool_takes_the_configuration_with_its_rules(tmp_path: Path) -> None:
    """Debian's is built without Kubernetes discovery, so targets are named instead; all the rest is as it stands."""
    configuration = yaml.safe_load((HERE / "prometheus.yml").read_text())
    for job in configuration["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs")[0]["role"] == "pod"
        job["static_configs"] = [{"targets": ["localhost:1"]}]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    _run("check", "config", "--syntax-only", str(file))
    _run("check", "rules", str(HERE / "alerts.yml"))


@promtool
def test_alerts_fire_when_they_should_and_no_others() -> None:
    _run("test", "rules", str(HERE / "alerts_test.yml"))


@promtool
def test_every_expression_is_promql(tmp_path: Path) -> None:
    rules = [
        {"record": f"test:rule:n{n}", "expr": expr.replace("$namespace", "x").replace("$deployment", "x")}
        for n, (_, expr) in enumerate(_expressions())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    _run("check", "rules", "--lint=none", str(file))


@pytest.mark.parametrize(("where", "expression"), _expressions())
def test_every_family_is_one_that_the_proxy_has(where: str, expression: str) -> None:
    known = _Known()
    Metrics(known)
    # What viz reads of the proxies is proven by what it shows end to end.
    names = set(_WORDS.findall(expression)) - _OTHERS - WANTED
    missing = {name for name in names if name.removesuffix("_bucket") not in known.names}
    assert not {name for name in missing if f"\n{name} " not in ProcessMetrics()()}, where


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.name)
def test_dashboards_ask_the_data_source_that_is_chosen(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all(target["datasource"]["uid"] == "${datasource}" for target in panel["targets"])


def test_the_collectors_pipelines_are_made_of_its_parts() -> None:
    collector = yaml.safe_load((HERE / "otel-collector.yml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= collector[kind].keys()

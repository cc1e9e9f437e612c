"""`linkerd viz install`."""

from pathlib import Path

import pytest
import yaml
from cli.tests.terminal import Terminal

MANIFEST = Path(__file__).parents[2] / "src/linkerd_cli/manifests/viz.yaml"


async def test_prints_the_committed_manifests(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "install")
    assert (said.code, said.out, said.err) == (0, MANIFEST.read_text(), "")


async def test_another_registry(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "install", "--registry", "localhost:5000/x/")
    assert "image: localhost:5000/x/viz:" in said.out
    assert "ghcr.io" not in said.out


@pytest.mark.parametrize("flags", [["--ha"], ["--set", "a=b"], ["--viz-namespace", "other"]])
async def test_what_is_not_there_yet(terminal: Terminal, flags: list[str]) -> None:
    said = await terminal.linkerd("viz", "install", *flags)
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith(": not implemented\n")


async def test_a_prometheus_is_named_in_the_environment(terminal: Terminal) -> None:
    url = "http://prometheus.monitoring:9090"
    said = await terminal.linkerd("viz", "install", "--set", f"prometheusUrl={url}")
    (deployment,) = [
        document
        for document in yaml.safe_load_all(said.out)
        if document["kind"] == "Deployment" and document["metadata"]["name"] == "metrics-api"
    ]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert {"name": "LINKERD_VIZ_PROMETHEUS_URL", "value": url} in container["env"]


@pytest.mark.parametrize("url", ["", "prometheus:9090", "http://"])
async def test_what_is_no_url(terminal: Terminal, url: str) -> None:
    said = await terminal.linkerd("viz", "install", "--set", f"prometheusUrl={url}")
    assert (said.code, said.out) == (1, "")
    assert said.err == f"Error: --set prometheusUrl={url}: write a URL, such as http://prometheus.monitoring:9090\n"

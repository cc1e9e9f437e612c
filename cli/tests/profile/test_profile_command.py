"""`linkerd profile`, typed."""

import json

import pytest
import yaml
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal


async def test_a_template_of_the_clusters_domain(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    said = await terminal.linkerd("profile", "--template", "-n", "x", "web")
    assert said.out.startswith("### ServiceProfile for web.x ###\n")
    assert yaml.safe_load(said.out)["metadata"]["name"] == "web.x.svc.cluster.local"


async def test_openapi_of_stdin(terminal: Terminal) -> None:
    flags = ["profile", "--ignore-cluster", "--open-api", "-", "-o", "json", "web"]
    said = await terminal.linkerd(*flags, stdin='{"paths": {"/a": {"get": {}}}}')
    assert json.loads(said.out)["spec"]["routes"][0]["name"] == "GET /a"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["web"], "one of the arguments --template --open-api"),
        (["--template", "--open-api", "f", "web"], "argument --open-api: not allowed with argument --template"),
        (["--proto", "f", "web"], "linkerd profile --proto: not implemented"),
        (["--open-api", "none.yml", "web"], "none.yml: "),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("profile", *typed)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

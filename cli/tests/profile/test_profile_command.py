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


async def test_proto_of_a_file(terminal: Terminal) -> None:
    (terminal.directory / "a.proto").write_text("package a.v1; service S { rpc M (I) returns (O); }")
    said = await terminal.linkerd("profile", "--ignore-cluster", "-n", "x", "--proto", "a.proto", "web")
    made = yaml.safe_load(said.out)
    assert made["metadata"] == {"name": "web.x.svc.cluster.local", "namespace": "x"}
    condition = {"method": "POST", "pathRegex": "/a\\.v1\\.S/M"}
    assert made["spec"] == {"routes": [{"condition": condition, "name": "M"}]}


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["web"], "one of the arguments --template --open-api"),
        (["--template", "--open-api", "f", "web"], "argument --open-api: not allowed with argument --template"),
        (["--proto", "none.proto", "web"], "none.proto: "),
        (["--proto", "f", "--template", "web"], "argument --template: not allowed with argument --proto"),
        (["--open-api", "none.yml", "web"], "none.yml: "),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("profile", *typed)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

"""`linkerd install`, typed."""

import json
from pathlib import Path

import pytest
from cli.tests.terminal import Terminal

MANIFEST = Path(__file__).parents[2] / "src/linkerd_cli/manifests/control-plane.yaml"


async def test_prints_the_committed_manifests_twice_the_same(terminal: Terminal) -> None:
    first, second = await terminal.linkerd("install"), await terminal.linkerd("install")
    assert (first.code, first.err) == (0, "")
    assert first.out == second.out == MANIFEST.read_text()


async def test_json_is_the_same_objects(terminal: Terminal) -> None:
    said = await terminal.linkerd("install", "-o", "json", "--set", "controllerReplicas=2")
    objects = [json.loads(line) for line in said.out.splitlines()]
    replicas = {o["metadata"]["name"]: o["spec"]["replicas"] for o in objects if o["kind"] == "Deployment"}
    assert replicas == dict.fromkeys(("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector"), 2)


async def test_crds(terminal: Terminal) -> None:
    said = await terminal.linkerd("install", "--crds")
    assert said.out.count("\nkind: CustomResourceDefinition\n") == said.out.count(
        "apiVersion: apiextensions.k8s.io/v1\n"
    )
    assert "kind: Namespace\n" not in said.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--ha"], "linkerd install --ha: not implemented"),
        (["-L", "mesh"], "installing into a namespace other than linkerd: not implemented"),
        (["--set", "frog=1"], "--set frog: no such value"),
        (["extra"], "unrecognized arguments: extra; see `linkerd install --help`"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, arguments: list[str], told: str) -> None:
    said = await terminal.linkerd("install", *arguments)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

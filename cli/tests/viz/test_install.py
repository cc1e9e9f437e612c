"""`linkerd viz install`."""

from pathlib import Path

import pytest
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

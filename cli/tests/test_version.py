"""`linkerd version`, and how little it loads."""

import subprocess
import sys

import pytest
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

from linkerd_contract.version import VERSION


@pytest.mark.parametrize(
    ("flags", "out"),
    [
        ([], f"Client version: {VERSION}\nServer version: unavailable\n"),
        (["--short"], f"{VERSION}\nunavailable\n"),
        (["--client"], f"Client version: {VERSION}\n"),
        (["--client", "--short"], f"{VERSION}\n"),
    ],
)
async def test_without_a_cluster(terminal: Terminal, flags: list[str], out: str) -> None:
    said = await terminal.linkerd("version", *flags)
    assert (said.code, said.out, said.err) == (0, out, "")


async def test_of_an_installation(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    said = await terminal.linkerd("version")
    assert said.out == f"Client version: {VERSION}\nServer version: {VERSION}\n"


async def test_a_namespace_without_linkerd(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("version", "-L", "other")
    assert said.out.endswith("Server version: unavailable\n")


def test_the_client_version_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys; from linkerd_cli.app import main; main(['version', '--client'], {});"
        "slow = {'aiohttp', 'yaml', 'asyncio', 'ssl', 'msgspec', 'cryptography', 'kubernetes_asyncio'};"
        "slow &= set(sys.modules);"
        "sys.exit(f'loaded: {slow}' if slow else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"Client version: {VERSION}\n"), done.stderr

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


async def test_of_the_sidecars(terminal: Terminal, kube: Cluster) -> None:
    kube.install()
    assert (await terminal.linkerd("version", "--proxy")).out.endswith("No proxies found\n")
    for number, (namespace, version) in enumerate([("a", "0.1.0"), ("b", "0.1.0"), ("b", "0.0.9")]):
        metadata = {"annotations": {"linkerd.io/proxy-version": version}}
        labels = {"linkerd.io/control-plane-ns": "linkerd"}
        kube.add_pod(namespace, f"web-{number}", labels, metadata={"labels": labels, **metadata})
    said = await terminal.linkerd("version", "--proxy")
    assert said.out.endswith("Proxy versions:\n\t0.0.9 (1 pods)\n\t0.1.0 (2 pods)\n")
    said = await terminal.linkerd("version", "--proxy", "-n", "a")
    assert said.out.endswith("Proxy versions:\n\t0.1.0 (1 pods)\n")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--client", "--proxy"], "--client contradicts --proxy"),
        (["-n", "x"], "--namespace is of use with --proxy only"),
    ],
)
async def test_contradictions_are_one_line(terminal: Terminal, flags: list[str], told: str) -> None:
    said = await terminal.linkerd("version", *flags)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

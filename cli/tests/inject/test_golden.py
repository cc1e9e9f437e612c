"""Golden pairs: NAME.yml in, NAME.injected.yml out, for every kind; flags.yml, what each flag does to a Deployment.

Inputs have the form that is written, so that uninject gives them back to the byte. `python -m
cli.tests.inject.test_golden` writes the outputs again; a reader of the change sees what changed for users.
"""

import asyncio
import tempfile
from pathlib import Path

import pytest
from cli.tests.terminal import Terminal

from linkerd_cli.documents import SEPARATOR
from linkerd_cli.inject.flags import FLAGS

GOLDEN = Path(__file__).parent / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yml") if "." not in path.stem and path.stem != "flags")
KINDS = {
    "cronjob", "daemonset", "deployment", "job", "list", "namespace", "pod", "replicaset", "replicationcontroller",
    "service", "statefulset", "unknown",
}  # fmt: skip
MANUAL = ("cronjob", "deployment")
VALUES = {
    "--proxy-image": "example.org/proxy",
    "--proxy-version": "v9",
    "--image-pull-policy": "Always",
    "--skip-inbound-ports": "25,8000-8080",
    "--skip-outbound-ports": "",
    "--skip-subnets": "192.168.0.0/16",
    "--opaque-ports": "3306,redis",
    "--require-identity-on-inbound-ports": "8080",
    "--proxy-log-level": "debug",
    "--proxy-cpu-request": "100m",
    "--proxy-cpu-limit": "1",
    "--proxy-memory-request": "20Mi",
    "--proxy-memory-limit": "250Mi",
    "--default-inbound-policy": "all-authenticated",
    "--close-wait-timeout": "60s",
    "--wait-before-exit-seconds": "7",
}
OTHERS = (["--ingress"], ["--registry", "example.org/mesh"], ["-o", "json"])


def typed() -> list[list[str]]:
    """Every flag with a value."""
    return [*([row.flag] if row.value else [row.flag, VALUES.get(row.flag, "5000")] for row in FLAGS), *OTHERS]


async def injected(terminal: Terminal, name: str, *flags: str) -> str:
    said = await terminal.linkerd("inject", *flags, str(GOLDEN / f"{name}.yml"))
    assert said.code == 0, said.err
    return said.out


async def manual(terminal: Terminal, name: str) -> str:
    anchors = ("--ignore-cluster", "--identity-trust-anchors-file", str(GOLDEN / "anchors.pem"))
    return await injected(terminal, name, "--manual", *anchors)


async def of_flags(terminal: Terminal) -> str:
    parts = [f"# {' '.join(flags)}\n{await injected(terminal, 'deployment', *flags)}" for flags in typed()]
    return "".join(parts)


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.yml").read_text()


def test_every_kind_has_a_pair() -> None:
    assert set(NAMES) == KINDS


@pytest.mark.parametrize("name", NAMES)
async def test_kinds(terminal: Terminal, name: str) -> None:
    out = await injected(terminal, name)
    assert out == golden(f"{name}.injected")
    back = await terminal.linkerd("uninject", "-", stdin=out)
    assert back.out == golden(name) + SEPARATOR


@pytest.mark.parametrize("name", MANUAL)
async def test_written_out(terminal: Terminal, name: str) -> None:
    out = await manual(terminal, name)
    assert out == golden(f"{name}.manual")
    back = await terminal.linkerd("uninject", "-", stdin=out)
    assert back.out == golden(name) + SEPARATOR


async def test_flags(terminal: Terminal) -> None:
    assert await of_flags(terminal) == golden("flags")


async def write() -> None:
    """All outputs."""
    with tempfile.TemporaryDirectory() as directory:
        terminal = Terminal(Path(directory))
        outputs = {f"{name}.injected": await injected(terminal, name) for name in NAMES}
        outputs |= {f"{name}.manual": await manual(terminal, name) for name in MANUAL}
        outputs["flags"] = await of_flags(terminal)
    for name, text in outputs.items():
        (GOLDEN / f"{name}.yml").write_text(text)


if __name__ == "__main__":
    asyncio.run(write())

"""`make e2e CLUSTER=kind`, with programs for docker, kind and kubectl that write down what they are asked."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tools.test_bake import Bake
from tools import kind

from linkerd_contract.version import VERSION

ROOT = Path(__file__).parents[2]
SUITE = """
import os
from pathlib import Path

def test_it():
    assert Path(os.environ["E2E_KUBECONFIG"]).read_text() == "of kind"
    assert (os.environ["E2E_OVERLAY"], os.environ["E2E_UPSTREAM"]) == ("kind", "https://run.linkerd.io/emojivoto.yml")
    assert {outcome}
"""


class Machine:
    """A PATH of its own, and what was run on it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said = ""
        self._log = directory / "log"
        (directory / "bin").mkdir()
        for tool in ("docker", "kind", "kubectl"):
            self.program(tool)
        kubeconfig = 'if [ "$2" = cluster ] && [ "$1" = create ]; then printf "of kind" > "$6"; fi'
        self.program("kind", kubeconfig)

    def program(self, name: str, does: str = "") -> None:
        file = self.directory / "bin" / name
        file.write_text(f'#!/bin/sh\necho {name} "$@" >> {self._log}\n{does}\n')
        file.chmod(0o755)

    def run(self, outcome: str = "True") -> int:
        suite = self.directory / "test_suite.py"
        suite.write_text(SUITE.format(outcome=outcome))
        done = subprocess.run(
            [sys.executable, "-m", "tools.kind", "-p", "no:cacheprovider", str(suite)],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{self.directory}/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.said = done.stderr
        return done.returncode

    @property
    def steps(self) -> list[str]:
        """The first words of each command, without the questions asked before anything is done."""
        lines = [line.split() for line in self._log.read_text().splitlines()] if self._log.exists() else []
        steps = [" ".join(words[:3]) for words in lines]
        return [step for step in steps if step not in ("docker buildx version", "docker info")]

    def arguments(self, step: str) -> list[str]:
        (line,) = (line for line in self._log.read_text().splitlines() if line.startswith(step))
        return line.removeprefix(step).split()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


WHOLE = ["docker buildx bake", "kind create cluster", "kind load docker-image", "kind delete cluster"]


def test_images_cluster_suite_and_the_end(machine: Machine) -> None:
    assert machine.run() == 0
    assert machine.steps == WHOLE
    assert machine.arguments("kind delete cluster") == ["--name", kind.NAME]
    assert machine.arguments("kind create cluster")[:2] == ["--name", kind.NAME]
    kubeconfig = Path(machine.arguments("kind create cluster")[3])
    assert not kubeconfig.parent.exists()


def test_every_image_that_is_built_is_loaded_under_the_name_that_manifests_have(machine: Machine) -> None:
    assert machine.run() == 0
    load, *targets = machine.arguments("docker buildx bake")
    assert load == "--load"
    bake = Bake(TAG=VERSION)
    tags = [tag for target in targets for tag in bake.target(target)["tags"]]
    assert machine.arguments("kind load docker-image") == ["--name", kind.NAME, *tags]
    assert set(bake.group("default")) - set(targets) == {"debug"}, "which no test asks for"


def test_a_suite_that_fails_leaves_no_cluster(machine: Machine) -> None:
    assert machine.run(outcome="False") == 1
    assert machine.steps == WHOLE


@pytest.mark.parametrize(
    ("tool", "does", "steps"),
    [
        ("docker", '[ "$2" != bake ]', WHOLE[:1]),
        ("kind", '[ "$1" != create ]', [*WHOLE[:2], WHOLE[3]]),
        ("kind", '[ "$1" != load ]', WHOLE),
    ],
)
def test_a_step_that_fails_is_named_and_what_was_made_is_taken_away(
    machine: Machine, tool: str, does: str, steps: list[str]
) -> None:
    machine.program(tool, does)
    assert machine.run() == 1
    assert machine.steps == steps
    assert machine.said.endswith(f"e2e: {tool} failed with exit code 1\n")


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ('[ "$1" != buildx ]', "docker has no buildx"),
        ('[ "$1" != info ]', "no Docker engine answers"),
    ],
)
def test_a_docker_that_is_no_use_is_told_before_anything_is_done(machine: Machine, does: str, told: str) -> None:
    machine.program("docker", does)
    assert machine.run() == 2
    assert (machine.steps, machine.said) == ([], f"make e2e CLUSTER=kind: {told}\n")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.kind"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    expected = "docker is not on PATH; kind is not on PATH; kubectl is not on PATH"
    assert done.stderr == f"make e2e CLUSTER=kind: {expected}\n"


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")
def test_the_overlay_pulls_nothing() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "deploy/kustomize/overlays/kind")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode and "unknown command" in done.stdout + done.stderr:
        pytest.skip("this kubectl has no kustomize")
    policies = {line.split()[-1] for line in done.stdout.splitlines() if "imagePullPolicy:" in line}
    assert policies == {"Never"}

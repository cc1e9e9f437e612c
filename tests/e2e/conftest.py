"""A mesh for the whole session: one sandbox, installed and left by the CLI, as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.e2e import manifests
from tests.e2e.cluster import Cluster
from tools.demo import LINKERD, ROOT, reader_environment
from tools.tutorial import Reader


@pytest.fixture(scope="session")
def sandbox_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of somebody whose sandbox is up; it is gone when the session ends."""
    state = tmp_path_factory.mktemp("sandbox")
    environment = {**os.environ, "LINKERD_SANDBOX_DIR": str(state), "NO_COLOR": "1"}

    def sandbox(*arguments: str) -> str:
        command = [str(LINKERD), "sandbox", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    sandbox("up")
    try:
        kubeconfig = sandbox("kubeconfig").strip()
        yield {**environment, **reader_environment(kubeconfig, tmp_path_factory.mktemp("shims"))}
    finally:
        sandbox("down")


@pytest.fixture(scope="session")
def reader(sandbox_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody who types the tutorial's commands in examples/emojivoto."""
    directory = tmp_path_factory.mktemp("reader") / "emojivoto"
    shutil.copytree(ROOT / "examples/emojivoto", directory)
    return Reader(directory, sandbox_environment)


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of these tests' own: the mesh installed by the CLI, and the application of tests/e2e/apps running."""
    state = tmp_path_factory.mktemp("mesh")
    base = {**os.environ, "LINKERD_SANDBOX_DIR": str(state), "NO_COLOR": "1"}

    def linkerd(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(LINKERD), *arguments], env=base, capture_output=True, text=True, check=False, timeout=60
        )

    up = linkerd("sandbox", "up")
    assert up.returncode == 0, up.stdout + up.stderr
    cluster: Cluster | None = None
    try:
        added = linkerd("sandbox", "image", "add", manifests.IMAGE, "--", sys.executable)
        assert added.returncode == 0, added.stderr
        shims = reader_environment(str(state / "kubeconfig"), tmp_path_factory.mktemp("mesh-shims"))
        cluster = Cluster({**shims, "LINKERD_SANDBOX_DIR": str(state)}, state)
        cluster.run("sh", "-c", "linkerd install | kubectl apply -f -")
        cluster.run("linkerd", "check", "--wait", "60s", seconds=90)
        cluster.apply(*manifests.application())
        for namespace, names in manifests.DEPLOYMENTS.items():
            cluster.await_available(namespace, *names)
        yield cluster
    finally:
        if cluster is not None:
            cluster.close()
        down = linkerd("sandbox", "down")
        assert down.returncode == 0, down.stdout + down.stderr

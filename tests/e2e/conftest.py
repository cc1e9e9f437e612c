"""A mesh for the whole session: one sandbox, installed and left by the CLI, as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest
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

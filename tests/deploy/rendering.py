"""deploy/kustomize as kubectl renders it."""

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

Obj = dict[str, Any]
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy/kustomize"
OVERLAYS = tuple(sorted(path.name for path in (DEPLOY / "overlays").iterdir()))
COMPONENTS = tuple(sorted(path.name for path in (DEPLOY / "components").iterdir()))
EVERYTHING = (*(f"overlays/{name}" for name in OVERLAYS), *(f"components/{name}" for name in COMPONENTS), "viz")
"""What an operator applies; a component on the base."""


@functools.cache
def rendered(what: str) -> list[Obj]:
    """The objects of one of EVERYTHING. Skips the test where there is no kubectl with a kustomize."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not on PATH")
    if not what.startswith("components/"):
        return _build(DEPLOY / what)
    with tempfile.TemporaryDirectory(dir=DEPLOY / "overlays", prefix=".test-") as directory:
        text = f"resources: [../../base]\ncomponents: [../../{what}]\n"
        (Path(directory) / "kustomization.yaml").write_text(text)
        return _build(Path(directory))


def _build(directory: Path) -> list[Obj]:
    done = subprocess.run(
        ["kubectl", "kustomize", str(directory)], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode and "unknown command" in done.stdout + done.stderr:
        pytest.skip("this kubectl has no kustomize")
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def named(obj: Obj) -> str:
    """Kind and name, for people."""
    return f"{obj['kind']} {obj['metadata']['name']}"

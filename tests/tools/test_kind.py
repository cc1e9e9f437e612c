"""`make e2e CLUSTER=kind` where it cannot run, and what it would load."""

import subprocess
import sys
from pathlib import Path

import pytest
from tools import kind
from tools.images_check import IMAGES

ROOT = Path(__file__).parents[2]


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


def test_every_image_is_built_and_loaded() -> None:
    bake = (ROOT / "docker-bake.hcl").read_text()
    assert set(kind.OURS) == set(IMAGES)
    for name in (*kind.OURS, "e2e"):
        assert f'target "{name}"' in bake
    for image in kind.images():
        assert image in bake.replace("${REGISTRY}", kind.REGISTRY).replace("${TAG}", image.rpartition(":")[2])


@pytest.mark.parametrize("overlay", ["kind"])
def test_the_overlay_pulls_nothing(overlay: str) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(ROOT / "deploy/kustomize/overlays" / overlay)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode and "unknown command" in done.stdout + done.stderr:
        pytest.skip("this kubectl has no kustomize")
    policies = {line.split()[-1] for line in done.stdout.splitlines() if "imagePullPolicy:" in line}
    assert policies == {"Never"}

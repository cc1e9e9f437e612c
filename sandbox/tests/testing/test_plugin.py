"""The plugin as pytest loads it: its fixtures are there, and tests that use them can be left out."""

import subprocess
import sys
from pathlib import Path

TESTS = """
def test_plain():
    pass

def test_meshed(mesh):
    raise AssertionError("must not run")

def test_clustered(mesh_cluster):
    raise AssertionError("must not run")
"""
CODE = """
import sys
import linkerd_sandbox.testing.plugin
slow = {"aiohttp", "yaml", "cryptography", "kubernetes_asyncio", "linkerd_kube"} & set(sys.modules)
sys.exit(f"loaded: {slow}" if slow else 0)
"""


def pytest_says(directory: Path, *arguments: str) -> str:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--color=no",
        "--strict-markers",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False).stdout


def test_tests_on_the_mesh_are_marked(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    assert "1 passed, 2 deselected" in pytest_says(tmp_path, "-m", "not mesh")
    said = pytest_says(tmp_path, "--fixtures")
    assert "mesh_cluster [session scope]" in said
    assert "mesh: runs on a sandbox" in pytest_says(tmp_path, "--markers")


def test_it_costs_other_tests_next_to_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

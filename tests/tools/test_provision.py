"""tools/provision.py and Debian packages: what must be there ends the setup, what some tests want does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import provision
provision.os.geteuid = lambda: 0
provision.debian_packages(sys.argv[2].split(), sys.argv[3].split())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH whose apt-get writes down its arguments, and knows every package but `nowhere`."""
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
        f'case "$*" in *nowhere*) echo E: no package nowhere; exit 100;; esac\n'
    )
    apt.chmod(0o755)
    return tmp_path


def provision(path: Path, needed: str, wished: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{path}:/bin"}
    command = [sys.executable, "-c", SCRIPT, str(ROOT / "tools"), needed, wished]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


def test_what_is_there_is_not_installed(path: Path) -> None:
    done = provision(path, "dash=sh", "dash=sh")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not (path / "asked").exists()


def test_what_is_missing_is_installed(path: Path) -> None:
    done = provision(path, "wanted=no-such-command", "wished=no-such-either")
    assert (done.returncode, done.stderr) == (0, "")
    asked = [line.rpartition("DPkg::Lock::Timeout=300 ")[2] for line in (path / "asked").read_text().splitlines()]
    update, install = "update -qq", "install -y --no-install-recommends"
    # What is only wished for is fetched first, for a limited time.
    wished = [update, f"{install} wished --download-only", f"{install} wished"]
    assert asked == [update, f"{install} wanted", *wished]


def test_a_service_that_comes_along_is_not_started(path: Path) -> None:
    systemctl = path / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "systemctl $@" >> {path}/asked\n')
    systemctl.chmod(0o755)
    done = provision(path, "", "prometheus=no-such-command")
    assert (done.returncode, done.stderr) == (0, "")
    *_, masked, installed = (path / "asked").read_text().splitlines()
    assert masked == "systemctl mask prometheus.service"
    assert installed.endswith("install -y --no-install-recommends prometheus")
    assert "setup: masking prometheus.service, which nobody asked for" in done.stdout


def test_what_is_needed_and_cannot_be_had_ends_the_setup(path: Path) -> None:
    done = provision(path, "nowhere=no-such-command", "")
    assert done.returncode == 1
    assert "E: no package nowhere" in done.stderr
    assert "could not install nowhere; try: sudo apt-get install -y" in done.stderr


def test_what_only_tests_want_and_cannot_be_had_is_said(path: Path) -> None:
    done = provision(path, "", "nowhere=no-such-command")
    assert (done.returncode, done.stderr) == (0, "")
    assert "could not install nowhere" in done.stdout
    assert done.stdout.endswith("setup: tests that want nowhere will skip\n")

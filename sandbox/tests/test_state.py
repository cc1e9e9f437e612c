"""Whose process it is, and ending it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from linkerd_sandbox.state import Record, State, boot_id, start_ticks


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(["sleep", "100"])
    yield process
    process.kill()
    process.wait()


def record_of(pid: int, ticks: int | None = None, boot: str | None = None) -> Record:
    found = start_ticks(pid) if ticks is None else ticks
    assert found is not None
    return Record(pid, found, boot or boot_id(), 6443, "root")


def test_a_record_counts_only_for_the_same_process(tmp_path: Path, child: "subprocess.Popen[bytes]") -> None:
    state = State(tmp_path)
    assert state.running() is None
    state.write(record_of(child.pid))
    assert state.running() == record_of(child.pid)
    state.write(record_of(child.pid, ticks=1))
    assert state.running() is None, "the number was given to another process"
    state.write(record_of(child.pid, boot="another boot"))
    assert state.running() is None


def test_stop_waits_for_the_end(tmp_path: Path, child: "subprocess.Popen[bytes]") -> None:
    state = State(tmp_path)
    state.write(record_of(child.pid))
    assert state.stop()
    assert start_ticks(child.pid) is None
    assert not state.stop()


def test_a_broken_record_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert State(tmp_path).read() is None


def test_clear_keeps_the_users_images(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    (directory / "pods" / "x").mkdir(parents=True)
    (directory / "kubeconfig").touch()
    (directory / "images.json").write_text("{}")
    State(directory).clear()
    assert [path.name for path in directory.iterdir()] == ["images.json"]
    (directory / "images.json").unlink()
    State(directory).clear()
    assert not directory.exists()
    State(directory).clear()


def test_nobody_has_start_ticks(tmp_path: Path) -> None:
    assert start_ticks(2**22 + 1) is None
    assert start_ticks(os.getpid()) is not None

"""Log files in the CRI format, and reading them back."""

import asyncio
import os
from pathlib import Path

import pytest

from linkerd_sandbox.kubelet import logs
from linkerd_sandbox.kubelet.logs import ContainerLog


def test_entries_wait_for_their_newline() -> None:
    text, rest = logs.entries("stdout", b"one\ntwo\nthr", 0.0)
    assert text == (b"1970-01-01T00:00:00.000000000Z stdout F one\n1970-01-01T00:00:00.000000000Z stdout F two\n")
    assert rest == b"thr"


def test_long_lines_come_in_parts_and_are_joined_again() -> None:
    line = b"x" * 40000
    text, rest = logs.entries("stderr", line + b"\n", 0.0)
    assert rest == b""
    assert [entry.split(b" ")[2] for entry in text.splitlines()] == [b"P", b"P", b"F"]
    assert b"".join(content for _, content in logs.select(text, tail_lines=None, since="")) == line + b"\n"


def test_selection() -> None:
    text = b"2026-01-01T00:00:01Z stdout F a\n2026-01-01T00:00:02Z stdout F b\n2026-01-01T00:00:03Z stderr F c\n"

    def contents(tail: int | None = None, since: str = "") -> list[bytes]:
        return [content for _, content in logs.select(text, tail_lines=tail, since=since)]

    assert contents() == [b"a\n", b"b\n", b"c\n"]
    assert contents(tail=1) == [b"c\n"]
    assert contents(tail=0) == []
    progress, _ = logs.entries("stdout", b"10%\r20%\r\n", 0.0)
    assert logs.select(progress, tail_lines=None, since="")[0][1] == b"10%\r20%\r\n"
    assert contents(since="2026-01-01T00:00:02Z") == [b"b\n", b"c\n"]


async def collect(log: ContainerLog, *, follow: bool = False, run: int = 0, timestamps: bool = False) -> bytes:
    pieces = log.read(run=run, follow=follow, tail_lines=None, timestamps=timestamps)
    return b"".join([piece async for piece in pieces])


async def test_pipes_become_a_file_and_followers_hear_the_end(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "c")
    stdout, stderr = log.begin(0)
    os.write(stdout, b"hello\nunfinished")
    follower = asyncio.create_task(collect(log, follow=True))
    os.write(stderr, b"bad\n")
    os.close(stderr)
    os.close(stdout)
    await asyncio.wait_for(log.drained, 30)
    log.close()
    assert sorted((await asyncio.wait_for(follower, 30)).splitlines()) == [b"bad", b"hello", b"unfinished"]
    stamped = (await collect(log, timestamps=True)).splitlines()
    assert all(line[4:5] == b"-" for line in stamped)
    assert logs.read_plain(tmp_path / "c").count(b"\n") == 3
    assert log.last_text(0).count(b"\n") == 3


async def test_the_run_before_is_kept_and_older_ones_go(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "c")
    for run in range(3):
        stdout, stderr = log.begin(run)
        os.write(stdout, f"run {run}\n".encode())
        os.close(stdout)
        os.close(stderr)
        await asyncio.wait_for(log.drained, 30)
    assert await collect(log, run=2) == b"run 2\n"
    assert await collect(log, run=1) == b"run 1\n"
    assert await collect(log, run=0) == b""


async def test_taps_hear_what_comes_from_then_on(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "c")
    ours, theirs = os.openpty()
    log.begin_terminal(0, ours)
    heard: list[tuple[str, bytes]] = []
    log.taps.add(lambda stream, data: heard.append((stream, data)))
    os.write(theirs, b"hello\n")
    os.close(theirs)
    await asyncio.wait_for(log.drained, 30)
    os.close(ours)
    assert heard == [("stdout", b"hello\r\n"), ("stdout", b"")]
    assert await collect(log) == b"hello\r\n"


async def test_a_big_log_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_ROTATE_BYTES", 1000)
    log = ContainerLog(tmp_path / "c")
    stdout, stderr = log.begin(0)
    loop = asyncio.get_running_loop()
    for number in range(50):
        os.write(stdout, f"line {number:03} {'x' * 80}\n".encode())
        await loop.run_in_executor(None, lambda: None)
    os.close(stdout)
    os.close(stderr)
    await asyncio.wait_for(log.drained, 30)
    assert (tmp_path / "c" / "0.log.1").exists()
    assert (await collect(log)).splitlines()[-1].startswith(b"line 049")

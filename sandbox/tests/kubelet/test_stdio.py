"""A container's own streams: pipes and terminals, and people who come and go."""

import asyncio
import os
from pathlib import Path

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.kubelet.logs import ContainerLog
from linkerd_sandbox.kubelet.spawner import Process
from linkerd_sandbox.kubelet.stdio import Attachment, Stdio


class Run:
    """A command of this machine with the streams of a container."""

    def __init__(self, folder: Path, script: str, **spec: object) -> None:
        self.log = ContainerLog(folder / "c")
        self.spec: JsonObject = dict(spec)
        self.script = script

    async def start(self) -> "Run":
        self.stdio = Stdio(self.spec, self.log, 0)
        given = asyncio.subprocess.DEVNULL if self.stdio.stdin is None else self.stdio.stdin
        self.child = await asyncio.create_subprocess_exec(
            "sh", "-c", self.script, stdin=given, stdout=self.stdio.stdout, stderr=self.stdio.stderr
        )
        self.stdio.started()
        self.process = Process(self.child.pid, asyncio.ensure_future(self.child.wait()))
        return self

    async def attach(self) -> Attachment:
        return await Attachment(self.process, self.stdio, self.log, stdin=True).connect()

    async def end(self) -> int:
        code = await asyncio.wait_for(self.process.exited, 30)
        await asyncio.wait_for(self.log.drained, 30)
        self.stdio.close()
        return code


async def test_two_people_are_attached_to_a_pipe(tmp_path: Path) -> None:
    run = await Run(tmp_path, "read a; echo $a; echo wrong >&2; read b; exit $b", stdin=True).start()
    first, second = await run.attach(), await run.attach()
    await first.write(b"one\n")
    assert first.stdout is not None
    assert second.stdout is not None
    assert await asyncio.wait_for(first.stdout.readline(), 30) == b"one\n"
    assert await asyncio.wait_for(second.stdout.readline(), 30) == b"one\n"
    await first.write(None)
    first.close()
    await second.write(b"7\n")
    assert second.stderr is not None
    assert await asyncio.wait_for(second.stderr.read(), 30) == b"wrong\n"
    assert await asyncio.wait_for(second.wait(), 30) == 7
    assert await run.end() == 7
    second.close()
    assert run.log.taps == set()


async def test_input_that_is_given_once_ends_with_its_giver(tmp_path: Path) -> None:
    run = await Run(tmp_path, "cat; echo over", stdin=True, stdinOnce=True).start()
    one = await run.attach()
    await one.write(b"text\n")
    await one.write(None)
    assert one.stdout is not None
    assert await asyncio.wait_for(one.stdout.read(), 30) == b"text\nover\n"
    assert await run.end() == 0
    one.close()


async def test_a_terminal(tmp_path: Path) -> None:
    run = await Run(tmp_path, "test -t 1 && stty size && cat", stdin=True, tty=True).start()
    run.stdio.resize(100, 40)
    one = await run.attach()
    assert one.stderr is None
    assert one.stdout is not None
    await one.write(b"typed\n")
    await one.write(None)
    shown = await asyncio.wait_for(one.stdout.read(), 30)
    assert shown.count(b"typed\r\n") == 2, "the terminal's echo, and cat"
    await run.end()
    one.close()


async def test_who_is_far_behind_is_cut_off_and_holds_nothing_up(tmp_path: Path) -> None:
    run = await Run(tmp_path, "head -c 5000000 /dev/zero | tr '\\0' x; echo").start()
    one = await run.attach()
    assert await run.end() == 0, "nobody reads what is sent to the one who is attached"
    assert one.stdout is not None
    assert len(await asyncio.wait_for(one.stdout.read(), 30)) < 5_000_000
    one.close()
    assert os.path.getsize(tmp_path / "c" / "0.log") > 4_000_000  # noqa: PTH202

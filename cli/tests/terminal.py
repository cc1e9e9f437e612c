"""Somebody who types `linkerd …`."""

import asyncio
import io
import os
import sys
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import yaml

from linkerd_cli.app import main

LINKERD = str(Path(sys.executable).parent / "linkerd")
DEADLINE_SECONDS = 90.0


@dataclass(frozen=True)
class Said:
    """What came back."""

    code: int
    out: str
    err: str


def _typed(arguments: list[str], environment: Mapping[str, str]) -> int:
    try:
        return main(arguments, environment)
    except SystemExit as end:  # argparse's --help
        return int(end.code or 0)


class Terminal:
    """A working directory, an environment, and the command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "KUBECONFIG": str(directory / "kubeconfig"),
        }

    def connect(self, server: str, namespace: str | None = None) -> None:
        """Write a kubeconfig."""
        context: dict[str, str] = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "main",
            "contexts": [{"name": "main", "context": context}],
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        (self.directory / "kubeconfig").write_text(yaml.safe_dump(document))

    async def linkerd(self, *arguments: str, stdin: str | bytes = b"") -> Said:
        """Run one command to its end, in a thread with a loop of its own: a process costs a second of imports."""
        out, err = io.StringIO(), io.StringIO()
        source = io.TextIOWrapper(io.BytesIO(stdin.encode() if isinstance(stdin, str) else stdin))
        with (
            redirect_stdout(out),
            redirect_stderr(err),
            patch("sys.stdin", source),
            chdir(self.directory),
        ):
            code = await asyncio.wait_for(
                asyncio.to_thread(_typed, list(arguments), self.environment), DEADLINE_SECONDS
            )
        return Said(code, out.getvalue(), err.getvalue())

    async def process(self, *arguments: str, stdin: str | bytes = b"") -> Said:
        """The same as a process: for what only a process shows (pipes, becoming an extension, what is imported)."""
        process = await asyncio.create_subprocess_exec(
            LINKERD,
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
            cwd=self.directory,
        )
        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            out, err = await asyncio.wait_for(process.communicate(data), DEADLINE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Said(process.returncode, out.decode(), err.decode())

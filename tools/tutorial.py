"""docs/tutorial.md as a program: its blocks, how to run one, and when an output is the expected one.

A fenced block marked `console` holds commands behind `$ ` and what the reader must see; `yaml` with `file=` is a
file that the reader writes. The fence's attributes:

    ```console name=edges wait=60 demo
    ```console name=tap issue=F
    ```yaml file=my-app.yml

`wait` is how many seconds the block may be repeated until it shows what it must (for output that settles), `issue`
names the open issue that the block needs, `demo` puts it into `make demo`, `kubectl` says that the sandbox's stand-in
for kubectl is not enough. Outputs are equal but for hashes, ages,
addresses and figures, and but for the width of columns.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<kind>\w+)(?P<attributes>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND_SECONDS = 180


@dataclass(frozen=True)
class Block:
    """One block of commands with their expected outputs, in order."""

    name: str
    steps: tuple[tuple[str, str], ...]
    """(command, expected output)"""
    files: tuple[tuple[str, str], ...] = ()
    """(name, text) of the files that the reader has written since the block before."""
    wait: float = 0
    issue: str = ""
    demo: bool = False
    kubectl: bool = False
    """Whether it needs a whole kubectl, not the sandbox's stand-in."""


@dataclass(frozen=True)
class Outcome:
    """What a command showed, and whether it is what the reader must see."""

    command: str
    output: str
    expected: str
    exit_code: int

    @property
    def good(self) -> bool:
        """Whether reader and text agree."""
        return normal(self.output) == normal(self.expected)


def parse(text: str) -> list[Block]:
    """The tutorial's blocks. Raises ValueError for a block without a name or of no known kind."""
    blocks: list[Block] = []
    files: list[tuple[str, str]] = []
    for match in _FENCE.finditer(text):
        words = shlex.split(match["attributes"])
        attributes = dict(w.split("=", 1) for w in words if "=" in w)
        if match["kind"] == "yaml" and "file" in attributes:
            files.append((attributes["file"], match["body"]))
        elif match["kind"] == "console":
            if "name" not in attributes:
                raise ValueError(f"a console block has no name: {match['body'][:60]!r}")
            blocks.append(
                Block(
                    attributes["name"],
                    _steps(match["body"]),
                    tuple(files),
                    float(attributes.get("wait", 0)),
                    attributes.get("issue", ""),
                    "demo" in words,
                    "kubectl" in words,
                )
            )
            files = []
    return blocks


def _steps(body: str) -> tuple[tuple[str, str], ...]:
    steps: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps and line.startswith("> ") and not steps[-1][1]:
            steps[-1] = (f"{steps[-1][0]}\n{line[2:]}", [])
        elif steps:
            steps[-1][1].append(line)
        else:
            raise ValueError(f"output before the first command: {line!r}")
    return tuple((command, "\n".join(output)) for command, output in steps)


_REPLACEMENTS = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<=-)[0-9a-z]{5,10}-[0-9a-z]{5}\b"), "HASH"),
    (re.compile(r"\b(\d+[dhms])+( ago)?(?= |$)"), "AGE"),
    # A ratio such as READY 2/2 is no figure: it says whether something is as it must be.
    (re.compile(r"(?<![\d/.])\d+(\.\d+)?(?![\d/])"), "N"),
    (re.compile(r"[ \t]+"), " "),
)


def normal(output: str) -> list[str]:
    """Lines without what differs from run to run: hashes, ages, addresses, figures, column widths."""
    lines = []
    for line in output.strip().splitlines():
        for pattern, replacement in _REPLACEMENTS:
            line = pattern.sub(replacement, line)
        lines.append(line.strip())
    return lines


@dataclass(frozen=True)
class Reader:
    """Somebody who types the tutorial's commands: a working directory and an environment."""

    directory: Path
    environment: Mapping[str, str]
    waiting: Callable[[str], None] = lambda text: None
    """Told, about once in three seconds, what is being waited for."""

    def run(self, block: Block) -> list[Outcome]:
        """Type a block's commands; repeat it while its output is not yet the expected one and `wait` lasts."""
        for name, text in block.files:
            (self.directory / name).write_text(text)
        began, told = time.monotonic(), 0.0
        while True:
            outcomes = [self._type(command, expected) for command, expected in block.steps]
            elapsed = time.monotonic() - began
            if all(o.good for o in outcomes) or elapsed >= block.wait:
                return outcomes
            if elapsed - told >= 3:
                told = elapsed
                self.waiting(f"{block.name}: {elapsed:.0f} s")
            time.sleep(0.5)

    def _type(self, command: str, expected: str) -> Outcome:
        try:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.directory,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            shown = error.stdout.decode() if isinstance(error.stdout, bytes) else error.stdout or ""
            return Outcome(command, f"{shown}\n(still running after {_COMMAND_SECONDS} s)", expected, 124)
        return Outcome(command, done.stdout, expected, done.returncode)

"""Finding commands: built in, later, extensions, wrong."""

from pathlib import Path

import pytest
from cli.tests.terminal import Terminal


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["frog"], 'unknown command "frog" for "linkerd"; see `linkerd --help`'),
        (["viz", "frog"], 'unknown command "frog" for "linkerd viz"; see `linkerd viz --help`'),
        (["../frog"], 'unknown command "../frog" for "linkerd"; see `linkerd --help`'),
        (["version", "--frog"], "unrecognized arguments: --frog; see `linkerd version --help`"),
        (["--frog", "version"], "unrecognized arguments: --frog; see `linkerd version --help`"),
        (["inject"], "the following arguments are required: FILE|DIRECTORY|URL|-; see `linkerd inject --help`"),
        (["version", "--as-group", "me"], "--as-group needs --as"),
        (["multicluster"], "linkerd multicluster: not implemented"),
    ],
)
async def test_what_cannot_be_done_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd(*typed)
    assert (said.code, said.out, said.err) == (1, "", f"Error: {told}\n")


@pytest.mark.parametrize("typed", [[], ["--help"], ["help"], ["-h"]])
async def test_help_lists_commands(terminal: Terminal, typed: list[str]) -> None:
    said = await terminal.linkerd(*typed)
    assert said.code == 0
    assert "  inject   " in said.out
    assert "  multicluster" not in said.out


async def test_help_of_a_command_has_examples(terminal: Terminal) -> None:
    said = await terminal.linkerd("viz", "stat", "--help")
    assert said.code == 0
    assert "linkerd viz stat deploy -n emojivoto" in said.out


def _extension(directory: Path, name: str, body: str) -> None:
    program = directory / f"linkerd-{name}"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


async def test_an_extension_on_path_gets_its_arguments_and_our_place(terminal: Terminal) -> None:
    _extension(terminal.directory, "frog", 'echo "$@"; echo "$MARK"; exit 7')
    terminal.environment |= {"PATH": f"{terminal.directory}:{terminal.environment['PATH']}", "MARK": "here"}
    said = await terminal.process("frog", "--context", "x", "--", "-n")
    assert (said.code, said.out) == (7, "--context x -- -n\nhere\n")
    said = await terminal.linkerd("--context", "x", "frog")
    assert said.err == "Error: flags cannot come before the name of an extension: linkerd frog --context x\n"


async def test_a_reader_that_leaves_is_no_traceback(terminal: Terminal) -> None:
    process = Path(terminal.directory / "run.sh")
    process.write_text("linkerd install --ignore-cluster | head -n 1\n")
    _extension(terminal.directory, "pipe", f'PATH="$OLD:$PATH" sh {process}')
    import sys

    terminal.environment |= {
        "OLD": str(Path(sys.executable).parent),
        "PATH": f"{terminal.directory}:{terminal.environment['PATH']}",
    }
    said = await terminal.process("pipe")
    assert said.out == "apiVersion: v1\n"
    assert "Traceback" not in said.err

"""Completion scripts: every command is in them, and shells accept them."""

import shutil
import subprocess

import pytest
from cli.tests.terminal import Terminal

from linkerd_cli.completion import bash, fish, tables, zsh


@pytest.mark.parametrize("script", [bash, zsh, fish])
def test_every_command_is_there(script: object) -> None:
    assert callable(script)
    text = script()
    for _, table in tables():
        for name in table:
            assert name in text


def _complete(*words: str) -> list[str]:
    typed = " ".join(f"'{word}'" for word in words)
    ask = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _linkerd; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", bash() + ask], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_what_bash_proposes() -> None:
    assert _complete("linkerd", "ins") == ["install"]
    assert _complete("linkerd", "viz", "ed") == ["edges"]
    assert _complete("linkerd", "--verbose", "diagnostics", "end") == ["endpoints"]
    assert _complete("linkerd", "inject", "x") == []


@pytest.mark.parametrize(("shell", "script"), [("zsh", zsh), ("fish", fish)])
def test_other_shells_parse_it(shell: str, script: object) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    assert callable(script)
    subprocess.run([shell, "-n"], input=script(), text=True, check=True)


async def test_typed(terminal: Terminal) -> None:
    assert (await terminal.linkerd("completion", "fish")).out == fish()
    said = await terminal.linkerd("completion", "tcsh")
    assert (said.code, said.out) == (1, "")

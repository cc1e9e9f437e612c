"""`linkerd identity`: what was typed."""

import pytest
from cli.tests.terminal import Terminal

from linkerd_cli.commands import COMMANDS, Command


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "identity", Command("certificates of pods", "linkerd_cli.identity"))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ([], "name pods, or select them with -l"),
        (["web", "-l", "app=web"], "name pods, or select them with -l"),
        (["deploy/web"], "deploy/web: only pods have certificates"),
        (["web", "--issuer"], "belong to `linkerd identity rotate`"),
        (["rotate"], "write `linkerd identity rotate --issuer`"),
        (["rotate", "--issuer", "-l", "a=b"], "write `linkerd identity rotate --issuer`"),
        (["rotate", "--issuer", "--anchor"], "not allowed with"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, typed: list[str], told: str) -> None:
    said = await terminal.linkerd("identity", *typed)
    assert said.code != 0
    assert said.out == ""
    assert told in said.err

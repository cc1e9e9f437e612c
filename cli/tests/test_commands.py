"""The table of commands: every module is there and has what the dispatcher calls."""

import importlib
from collections.abc import Iterator

import pytest

from linkerd_cli.commands import COMMANDS, Command
from linkerd_cli.usage import Parser, add_globals


def _all(commands: dict[str, Command], prefix: str) -> Iterator[tuple[str, Command]]:
    for name, command in commands.items():
        if command.commands is not None:
            yield from _all(command.commands, f"{prefix} {name}")
        elif command.module:
            yield f"{prefix} {name}", command


@pytest.mark.parametrize(
    ("name", "command"), [*_all(COMMANDS, "linkerd")], ids=lambda v: v if isinstance(v, str) else ""
)
def test_modules(name: str, command: Command) -> None:
    module = importlib.import_module(command.module)
    parser = Parser(name, command.help)
    module.configure(parser)
    add_globals(parser)
    assert callable(module.run)
    assert parser.format_help().startswith(f"usage: {name}")

"""From what was typed to the command: built in, or `linkerd-NAME` found beside us or on PATH."""

import importlib
import os
import re
import sys
from collections.abc import Mapping

from linkerd_cli.commands import COMMANDS, Command
from linkerd_cli.errors import CliError, NotImplementedYet, UsageError
from linkerd_cli.usage import Parser, add_globals, context_of, split

INTERRUPTED = 130
_EXTENSION = re.compile(r"[a-z][a-z0-9-]*")


def main(argv: list[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit code."""
    try:
        return dispatch("linkerd", COMMANDS, argv, environ)
    except CliError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left (`| head`): nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def dispatch(
    prog: str,
    commands: dict[str, Command],
    argv: list[str],
    environ: Mapping[str, str],
    before: list[str] | None = None,
) -> int:
    """Find the command in a table, or in the table of its group, and run it."""
    flags, name, rest = split(argv)
    before = (before or []) + flags
    if name is None or name in ("help", "-h", "--help"):
        return _help(prog, commands, before)
    command = commands.get(name)
    if command is None and commands is COMMANDS:
        return _extension(name, before, rest, environ)
    if command is None:
        raise UsageError(f'unknown command "{name}" for "{prog}"; see `{prog} --help`')
    if command.commands is not None:
        return dispatch(f"{prog} {name}", command.commands, rest, environ, before)
    if not command.implemented:
        raise NotImplementedYet(f"{prog} {name}")
    return _run(f"{prog} {name}", command, before + rest, environ)


def _run(prog: str, command: Command, argv: list[str], environ: Mapping[str, str]) -> int:
    module = importlib.import_module(command.module)
    parser = Parser(prog, command.help[0].upper() + command.help[1:] + ".", getattr(module, "EXAMPLES", ""))
    module.configure(parser)
    add_globals(parser)
    args = parser.parse_args(argv)
    code: int = module.run(args, context_of(args, environ))
    sys.stdout.flush()
    return code


def _help(prog: str, commands: dict[str, Command], flags: list[str]) -> int:
    rows = [(name, command.help) for name, command in sorted(commands.items()) if command.implemented]
    if commands is COMMANDS:
        rows.append(("NAME", "any `linkerd-NAME` on PATH, such as linkerd sandbox"))
    lines = "\n".join(f"  {name:<20}{text}" for name, text in rows)
    parser = Parser(prog, f"commands:\n{lines}")
    parser.usage = f"{prog} COMMAND [flags]"
    add_globals(parser)
    parser.parse_args(flags)
    parser.print_help()
    return 0


def _extension(name: str, before: list[str], rest: list[str], environ: Mapping[str, str]) -> int:
    program = find_extension(name, environ) if _EXTENSION.fullmatch(name) else None
    if program is None:
        raise UsageError(f'unknown command "{name}" for "linkerd"; see `linkerd --help`')
    if before:
        raise UsageError(f"flags cannot come before the name of an extension: linkerd {name} {' '.join(before)}")
    sys.stdout.flush()
    os.execve(program, [program, *rest], dict(environ))  # noqa: S606 - becoming the extension is the point


def find_extension(name: str, environ: Mapping[str, str]) -> str | None:
    """The program `linkerd-NAME`: beside this executable (a virtual environment need not be active), or on PATH."""
    import shutil
    from pathlib import Path

    beside = [str(Path(sys.argv[0]).parent), str(Path(sys.executable).parent)]
    path = os.pathsep.join([*beside, environ.get("PATH", os.defpath)])
    return shutil.which(f"linkerd-{name}", path=path)

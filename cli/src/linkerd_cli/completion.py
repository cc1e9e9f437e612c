"""`linkerd completion bash|zsh|fish`: a script that knows every command; made from the table of commands."""

import argparse
import sys

from linkerd_cli.commands import COMMANDS, Command
from linkerd_cli.context import Context
from linkerd_cli.usage import Parser

EXAMPLES = """examples:
  source <(linkerd completion bash)
  linkerd completion zsh > "${fpath[1]}/_linkerd"
  linkerd completion fish > ~/.config/fish/completions/linkerd.fish"""

_BASH = """# bash completion for linkerd
_linkerd() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" command="" candidate
    for candidate in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$candidate" in -*) ;; *) command="$command $candidate" ;; esac
    done
    case "$command" in
{cases}
    esac
}}
complete -o default -F _linkerd linkerd
"""
_ZSH = """#compdef linkerd
_linkerd() {{
    local command="" candidate
    local -a found
    for candidate in ${{words[2,CURRENT-1]}}; do
        [[ $candidate == -* ]] || command="$command $candidate"
    done
    case "$command" in
{cases}
        *) _files; return ;;
    esac
    _describe command found
}}
compdef _linkerd linkerd
"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(args: argparse.Namespace, _context: Context) -> int:
    """Print the script."""
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[args.shell]())
    return 0


def tables() -> list[tuple[str, dict[str, str]]]:
    """What was typed before ("", "viz", …), and the commands that can follow with their help."""
    groups: list[tuple[str, dict[str, Command]]] = [("", COMMANDS)]
    groups += [(name, command.commands) for name, command in COMMANDS.items() if command.commands]
    return [(name, {n: c.help for n, c in sorted(table.items()) if c.implemented}) for name, table in groups]


def bash() -> str:
    """For bash 3.2 and later."""
    cases = [
        f'        "{" " + before if before else ""}") COMPREPLY=($(compgen -W "{" ".join(table)}" -- "$word")) ;;'
        for before, table in tables()
    ]
    return _BASH.format(cases="\n".join(cases))


def zsh() -> str:
    """With the help texts."""
    cases = []
    for before, table in tables():
        items = " ".join(f"'{name}:{_quoted(text)}'" for name, text in table.items())
        cases.append(f'        "{" " + before if before else ""}") found=({items}) ;;')
    return _ZSH.format(cases="\n".join(cases))


def fish() -> str:
    """With the help texts."""
    lines = ["# fish completion for linkerd"]
    for before, table in tables():
        condition = f"__fish_seen_subcommand_from {before}" if before else "__fish_use_subcommand"
        lines += [
            f"complete -c linkerd -f -n '{condition}' -a {name} -d '{_quoted(text)}'" for name, text in table.items()
        ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Inside single quotes; a colon would end zsh's name."""
    return text.replace("'", "").replace(":", ",")

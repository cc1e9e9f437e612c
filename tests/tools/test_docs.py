"""The pages: links lead somewhere, and what they tell to type is there, with these flags."""

import contextlib
import importlib
import io
import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.tools.documents import PAGES, ROOT, Command, anchors, commands, links, name_of

from linkerd_cli.commands import COMMANDS
from linkerd_cli.commands import Command as CliCommand
from linkerd_cli.errors import UsageError
from linkerd_cli.usage import Parser, add_globals, split
from linkerd_sandbox.__main__ import parser as sandbox_parser


def project(directory: Path) -> tuple[str, set[str]]:
    """A distribution's name, and those of ours that it needs."""
    declared = tomllib.loads((directory / "pyproject.toml").read_text())["project"]
    return declared["name"], {name for name in declared["dependencies"] if name.startswith("linkerd-")}


def test_the_line_that_installs_the_cli_alone_has_all_that_it_needs() -> None:
    (line,) = re.findall(r"^ +(pipx install .*)$", (ROOT / "docs/cli.md").read_text(), re.MULTILINE)
    words = [word for word in shlex.split(line)[2:] if word != "--preinstall"]
    assert all(word.startswith("$PWD/") for word in words), "pipx looks for relative paths elsewhere"
    projects = dict(project(ROOT / word.removeprefix("$PWD/")) for word in words)
    assert set().union(*projects.values()) <= set(projects)
    names = list(projects)
    assert names[0] == "linkerd-cli"
    for at, name in enumerate(names[1:], 1):
        assert projects[name] <= set(names[1:at]), f"{name} is installed before what it needs"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


TYPED = [command for page in PAGES for command in commands(page, "linkerd")]
PLUGIN = [command for page in PAGES for command in commands(page, "kubectl") if command.words[1:2] == ("linkerd",)]


def parse(words: list[str], table: Mapping[str, CliCommand], prog: str = "linkerd") -> None:
    """As the CLI does, up to running it. Raises UsageError."""
    flags, name, rest = split(words)
    if name is None:
        return
    command = table.get(name)
    if command is None and table is COMMANDS and name == "sandbox":
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                sandbox_parser().parse_args(rest)
            except SystemExit:
                raise UsageError(said.getvalue()) from None
    elif command is None:
        raise UsageError(f"no command {name}")
    elif command.commands is not None:
        parse(rest, command.commands, f"{prog} {name}")
    else:
        module = importlib.import_module(command.module)
        parser = Parser(f"{prog} {name}", "")
        module.configure(parser)
        add_globals(parser)
        parser.parse_args([*flags, *rest])


@pytest.mark.parametrize("command", sorted({c.words: c for c in (*TYPED, *PLUGIN)}.values(), key=str), ids=str)
def test_every_command_of_the_cli_is_one(command: Command) -> None:
    words = [word.strip("[]") for word in command.words[2 if command.words[0] == "kubectl" else 1 :]]
    if not words or words == ["NAME"]:
        return
    try:
        parse(words, COMMANDS)
    except UsageError as error:
        named_only = command.mentioned and "required" in str(error)
        if not named_only:
            raise


def test_what_the_cli_lacks_is_found() -> None:
    for words in (["viz", "stat", "--nonsense"], ["nonsense"], ["sandbox", "nonsense"], ["viz", "nonsense"]):
        with pytest.raises(UsageError):
            parse(words, COMMANDS)


TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_is_one(page: Path) -> None:
    for command in commands(page, "make"):
        targets = [word for word in command.words[1:] if "=" not in word and word.islower()]
        assert set(targets) <= TARGETS, str(command)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_folder_that_kubectl_is_given_is_there(page: Path) -> None:
    for command in commands(page, "kubectl"):
        for option, value in zip(command.words, command.words[1:], strict=False):
            if option in ("-k", "kustomize"):
                # From the root, or beside the page, or where the tutorial's reader stands.
                places = [place / value for place in (ROOT, page.parent, ROOT / "examples/emojivoto")]
                assert any((place / "kustomization.yaml").exists() for place in places), str(command)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_ours_that_is_named_is_there(page: Path) -> None:
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text())
    missing = {name for name in named if not any((place / name).exists() for place in (ROOT, page.parent))}
    # The first is a workload's name for kubectl, the second is written by the bench.
    assert missing <= {"deploy/NAME", "bench/results/latest.json"}


def test_the_files_on_a_requests_way_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)`", (ROOT / "docs/life-of-a-request.md").read_text())
    proxy = ROOT / "services/proxy/src"
    places = [proxy, proxy / "linkerd_proxy", *(proxy / "linkerd_proxy").iterdir()]
    assert len(named) > 15
    assert [name for name in named if not any((place / name).is_file() for place in places)] == []

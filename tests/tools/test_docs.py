"""Commands of the documents that no other test runs: what they name is there, and enough."""

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


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

"""Errors are lines for people."""

from pathlib import Path

import pytest

from linkerd_cli.errors import CliError, NotImplementedYet, cause


def test_what_is_not_there_yet_says_so() -> None:
    error = NotImplementedYet("linkerd frog")
    assert isinstance(error, CliError)
    assert str(error) == "linkerd frog: not implemented"


def test_a_cause_does_not_say_the_files_name_again(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none") as raised:
        (tmp_path / "none").read_text()
    assert cause(raised.value) == "No such file or directory"
    assert cause(OSError("no number")) == "no number"
    assert cause(ValueError("bad bytes")) == "bad bytes"

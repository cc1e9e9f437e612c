"""Errors are lines for people."""

from linkerd_cli.errors import CliError, NotImplementedYet


def test_what_is_not_there_yet_says_so() -> None:
    error = NotImplementedYet("linkerd frog")
    assert isinstance(error, CliError)
    assert str(error) == "linkerd frog: not implemented"

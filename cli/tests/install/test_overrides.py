"""What is remembered of an installation."""

import pytest

from linkerd_cli.errors import CliError
from linkerd_cli.install.overrides import SECRET, Overrides, read, secret


@pytest.mark.parametrize("overrides", [Overrides([]), Overrides(["a=b\\,c", "d=e"], "localhost:5000", True)])
def test_what_is_written_is_read(overrides: Overrides) -> None:
    assert read(secret(overrides, "linkerd")) == overrides


def test_what_comes_later_wins() -> None:
    first = Overrides(["a=1"], "one", False)
    assert first.and_then(Overrides(["a=2"], "", True)) == Overrides(["a=1", "a=2"], "one", True)
    assert first.and_then(Overrides([], "two")) == Overrides(["a=1"], "two", False)


@pytest.mark.parametrize("data", [{}, {SECRET: "%"}, {SECRET: "e30="}, {SECRET: "W10="}])
def test_what_cannot_be_read(data: dict[str, object]) -> None:
    with pytest.raises(CliError, match="cannot be read"):
        read({"data": data})

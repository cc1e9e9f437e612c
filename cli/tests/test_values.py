"""The values document."""

import pytest

from linkerd_cli.errors import CliError
from linkerd_cli.values import parse_values


def test_an_object() -> None:
    assert parse_values('{"linkerdVersion": "1"}') == {"linkerdVersion": "1"}


@pytest.mark.parametrize("text", [None, "", "[]", "linkerdVersion: 1", 7])
def test_anything_else_is_named(text: object) -> None:
    with pytest.raises(CliError, match="linkerd-config"):
        parse_values(text)

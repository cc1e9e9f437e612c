"""Claims of ServiceAccount tokens."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver import claims
from linkerd_sandbox.apiserver.claims import BadClaims, Subject

SUBJECT = Subject("n", "s", "u", "p", "pu")


def test_what_is_made_can_be_read_while_it_lasts() -> None:
    made = claims.make(SUBJECT, ["a"], 1000, 600, "id")
    assert (made["iat"], made["exp"], made["sub"]) == (1000, 1600, "system:serviceaccount:n:s")
    assert claims.read(made, 1000) == (SUBJECT, ["a"])
    assert claims.read(made, 1605) == (SUBJECT, ["a"])


@pytest.mark.parametrize(
    ("change", "now"),
    [
        ({}, 1611),
        ({}, 980),
        ({"iss": "x"}, 1000),
        ({"exp": None}, 1000),
        ({"sub": "x"}, 1000),
        ({"kubernetes.io": 1}, 1000),
    ],
)
def test_what_does_not_hold(change: dict[str, Any], now: float) -> None:
    with pytest.raises(BadClaims):
        claims.read(claims.make(SUBJECT, ["a"], 1000, 600, "id") | change, now)

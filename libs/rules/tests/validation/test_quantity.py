"""Weights as whole numbers and quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.validation.fields import Fields, Problem
from linkerd_rules.validation.quantity import parse_quantity_milli, parse_weight


@pytest.mark.parametrize(
    ("text", "milli"),
    [
        ("500m", 500),
        ("1", 1000),
        ("0.5", 500),
        ("0", 0),
        ("2k", 2_000_000),
        ("1e2", 100_000),
        (".25", 250),
        ("1.5m", 2),
    ],
)
def test_quantities(text: str, milli: int) -> None:
    assert parse_quantity_milli(text) == milli


@pytest.mark.parametrize("text", ["", "m", "1x", "1 ", "-1", "1e2m", "9" * 40, "٣"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a weight"):
        parse_quantity_milli(text)


@given(st.integers(0, 10**9))
def test_thousandths_are_exact(milli: int) -> None:
    assert parse_quantity_milli(f"{milli}m") == milli


@pytest.mark.parametrize(
    ("value", "milli", "message"),
    [
        (80, 80_000, ""),
        ("80", 80_000, ""),
        (0.5, 500, ""),
        (-1, 0, "must not be negative"),
        ("-500m", 0, "must not be negative"),
        (True, 0, "must be a whole number"),
        (None, 0, "is required"),
    ],
)
def test_weights(value: object, milli: int, message: str) -> None:
    problems: list[Problem] = []
    assert parse_weight(Fields({"weight": value}, "b", problems), "weight") == milli
    assert [message in str(p) for p in problems] == ([True] if message else [])

"""Quantities."""

import pytest

from linkerd_sandbox.apiserver.validation.quantities import amount


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("100m", 0.1), ("1.5Gi", 1.5 * 2**30), ("2k", 2000), ("1e3", 1000), ("1E3", 1000), ("-1", -1), (2, 2),
        (".5", 0.5), ("1E", 1e18), ("1Ei", 2**60), ("", None), ("x", None), ("1Xi", None), ("1 Gi", None),
    ],
)  # fmt: skip
def test_amount(text: object, number: float | None) -> None:
    assert amount(text) == (None if number is None else pytest.approx(number))

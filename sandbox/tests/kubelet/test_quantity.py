"""Quantities, as k8s.io/apimachinery reads them."""

from decimal import Decimal

import pytest

from linkerd_sandbox.kubelet import quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100m", "0.1"),
        ("1.5", "1.5"),
        ("64Mi", "67108864"),
        ("1e3", "1000"),
        (".5", "0.5"),
        ("2G", "2000000000"),
        ("1Ki", "1024"),
    ],
)
def test_values(text: str, value: str) -> None:
    assert quantity.parse(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "m", "1x", "1 Mi x", "--1"])
def test_bad_ones(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity.parse(text)


def test_division_rounds_up() -> None:
    assert quantity.divided("1500m", "1") == 2
    assert quantity.divided("1Gi", "1Mi") == 1024

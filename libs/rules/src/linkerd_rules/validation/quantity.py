"""Weights of traffic splits: whole numbers, or Kubernetes quantities such as 500m; read into thousandths."""

import re
from fractions import Fraction

from linkerd_rules.validation.fields import Fields

# resource.Quantity: a decimal number and a suffix. Sizes beyond these make no sense as a weight.
_QUANTITY = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(m|k|M|G)?(?:[eE]([+-]?\d{1,2}))?", re.ASCII)
_SUFFIXES = {"m": Fraction(1, 1000), "": Fraction(1), "k": Fraction(10**3), "M": Fraction(10**6), "G": Fraction(10**9)}


def parse_quantity_milli(text: str) -> int:
    """Thousandths, rounded up as Kubernetes does: "500m" is 500, "2" is 2000. Raises ValueError."""
    match = _QUANTITY.fullmatch(text)
    if match is None or len(text) > 32 or (match[2] and match[3]):
        raise ValueError(f"{text!r} is not a weight; write a whole number such as 80, or thousandths such as 500m")
    value = Fraction(match[1]) * _SUFFIXES[match[2] or ""] * Fraction(10) ** int(match[3] or 0)
    milli = value * 1000
    return -(-milli.numerator // milli.denominator)


def parse_weight(fields: Fields, name: str) -> int:
    """A required weight, in thousandths; 0 where it cannot be read."""
    value = fields.raw(name, required=True)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            fields.problem(name, f"must not be negative, and is {value}")
            return 0
        return value * 1000
    if isinstance(value, float) and value >= 0:
        return -int(-value * 1000 // 1)
    if isinstance(value, str):
        if value.startswith("-"):
            fields.problem(name, f"must not be negative, and is {value}")
            return 0
        return fields.convert(name, value, parse_quantity_milli) or 0
    if value is not None:
        fields.problem(name, "must be a whole number such as 80, or thousandths such as 500m")
    return 0

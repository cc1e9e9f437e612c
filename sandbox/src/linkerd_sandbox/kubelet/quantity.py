"""Kubernetes quantities ("100m", "1.5", "64Mi") as exact numbers. PURE.

Source: k8s.io/apimachinery/pkg/api/resource; exponents ("1e3") included.
"""

import math
import re
from decimal import Decimal
from typing import Final

_SUFFIXES: Final = {
    "n": Decimal(10) ** -9, "u": Decimal(10) ** -6, "m": Decimal(10) ** -3, "": Decimal(1),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9, "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30, "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip
_FORM: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)")


def parse(text: str) -> Decimal:
    """The value in base units (cores, bytes). Raises ValueError."""
    match = _FORM.fullmatch(str(text).strip())
    if match is None:
        raise ValueError(f'"{text}" is not a quantity')
    number, exponent, suffix = match.groups()
    return Decimal(number + (exponent or "")) * _SUFFIXES[suffix or ""]


def divided(text: str, divisor: str) -> int:
    """The value in units of `divisor`, rounded up, as resourceFieldRef gives it. Raises ValueError."""
    unit = parse(divisor) or Decimal(1)
    return math.ceil(parse(text) / unit)

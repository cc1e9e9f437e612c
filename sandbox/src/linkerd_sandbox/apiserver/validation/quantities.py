"""Resource quantities: `100m`, `1.5Gi`, `2e3` (k8s.io/apimachinery/pkg/api/resource). PURE."""

import re

_QUANTITY = re.compile(r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?P<suffix>[numkKMGTPE]i?|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def amount(text: object) -> float | None:
    """The number that a quantity stands for; None where it is not one."""
    found = _QUANTITY.fullmatch(str(text))
    if found is None:
        return None
    number, suffix = float(found["number"]), found["suffix"]
    if not suffix:
        return number
    if suffix in _BINARY:
        return number * float(1 << _BINARY[suffix])
    if suffix in _DECIMAL:
        return number * 10.0 ** _DECIMAL[suffix]
    if suffix[0] in "eE" and suffix != "Ei":
        return number * 10.0 ** int(suffix[1:])
    return None

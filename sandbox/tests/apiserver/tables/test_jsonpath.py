"""JSONPath of printer columns."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.tables.jsonpath import find

BODY: dict[str, Any] = {
    "spec": {"size": 3, "names": ["a", "b"], "a.b": {"c": 1}, "items": [{"n": 1}, {"n": 2}]},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        ("$.spec.size", [3]),
        (".spec.names[0]", ["a"]),
        (".spec.names[-1]", ["b"]),
        (".spec.names[5]", []),
        (".spec.names[*]", ["a", "b"]),
        (".spec.items[*].n", [1, 2]),
        (".spec['a.b'].c", [1]),
        (".spec.a\\.b.c", [1]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='None')].status", []),
        (".missing.size", []),
        (".spec.size.deeper", []),
    ],
)
def test_find(path: str, found: list[Any]) -> None:
    assert find(BODY, path) == found


def test_what_is_not_supported_is_an_error() -> None:
    with pytest.raises(ValueError, match="unrecognized character"):
        find(BODY, ".spec[?(@.a > 1)]")

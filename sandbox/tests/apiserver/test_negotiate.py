"""Accept headers."""

import pytest

from linkerd_sandbox.apiserver.negotiate import Accepted, accepted
from linkerd_sandbox.apiserver.represent import FORMS

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Accepted("object")),
        ("*/*", Accepted("object")),
        ("application/json", Accepted("object")),
        (f"{TABLE},application/json", Accepted("Table", "v1")),
        ("application/json;as=Other;v=v1,application/json", Accepted("object")),
        ("application/vnd.kubernetes.protobuf,application/json", Accepted("object")),
        ("application/vnd.kubernetes.protobuf", None),
        ("application/json;as=Table;v=v7", None),
    ],
)
def test_forms(header: str, expected: Accepted | None) -> None:
    assert accepted(header, FORMS) == expected

"""How far a request for a certificate has come."""

import pytest

from linkerd_sandbox.apiserver.kinds import BUILT_IN
from linkerd_sandbox.apiserver.tables import table


@pytest.mark.parametrize(
    ("conditions", "certificate", "shown"),
    [
        ([], "", "Pending"),
        (["Approved"], "", "Approved"),
        (["Approved"], "x", "Approved,Issued"),
        (["Denied"], "", "Denied"),
        (["Failed"], "", "Failed"),
        (["Approved", "Failed"], "", "Approved,Failed"),
    ],
)
def test_conditions(conditions: list[str], certificate: str, shown: str) -> None:
    kind = next(kind for kind in BUILT_IN if kind.kind == "CertificateSigningRequest")
    status = {"conditions": [{"type": name} for name in conditions], "certificate": certificate}
    body = {"metadata": {"name": "r"}, "spec": {"signerName": "s", "username": "u"}, "status": status}
    (row,) = table(kind, [body], 0.0, "None")["rows"]
    assert [row["cells"][0], *row["cells"][2:]] == ["r", "s", "u", "<none>", shown]

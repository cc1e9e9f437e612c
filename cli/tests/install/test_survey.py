"""Whose a definition is."""

import pytest

from linkerd_cli.install.survey import PART_OF, owner

NS = "linkerd.io/control-plane-ns"


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({"labels": {PART_OF: "linkerd", NS: "linkerd"}}, None),
        ({"labels": {PART_OF: "linkerd", NS: "mesh"}}, "the control plane in namespace mesh"),
        ({"labels": {NS: "linkerd"}, "annotations": {"linkerd.io/created-by": "linkerd/cli x"}}, "linkerd/cli x"),
        ({"annotations": {"meta.helm.sh/release-name": "smi"}}, "Helm release smi"),
        ({"labels": {"app.kubernetes.io/managed-by": "argo"}}, "argo"),
        ({}, "another installation"),
    ],
)
def test_owner(metadata: dict[str, object], who: str | None) -> None:
    assert owner({"metadata": metadata}, "linkerd") == who

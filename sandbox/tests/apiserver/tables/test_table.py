"""Tables of every kind: the right shape, from the least object that there can be."""

import pytest

from linkerd_sandbox.apiserver.kinds import BUILT_IN, ResourceType
from linkerd_sandbox.apiserver.tables import table


@pytest.mark.parametrize("kind", [kind for kind in BUILT_IN if kind.listable], ids=lambda kind: kind.plural)
def test_every_kind_has_a_table(kind: ResourceType) -> None:
    body = {"metadata": {"name": "x", "creationTimestamp": "2023-11-14T22:12:20Z"}}
    shown = table(kind, [body], 1_700_000_000.0, "Metadata")
    names = [column["name"] for column in shown["columnDefinitions"]]
    assert "Name" in names
    assert [len(row["cells"]) for row in shown["rows"]] == [len(names)]
    assert shown["rows"][0]["object"]["metadata"]["name"] == "x"
    assert "object" not in table(kind, [body], 0.0, "None")["rows"][0]
    assert table(kind, [body], 0.0, "Object")["rows"][0]["object"] is body

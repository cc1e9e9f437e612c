"""Reading manifests, and the patch that brings them about."""

from pathlib import Path

import pytest

from linkerd_kube.objects import JsonObject
from linkerd_sandbox import manifests


@pytest.mark.parametrize(
    ("last", "wanted", "live", "patch"),
    [
        ({}, {"a": 1}, {"a": 1, "b": 2}, {}),
        ({}, {"a": 2}, {"a": 1}, {"a": 2}),
        ({"x": 1}, {"a": 1}, {"a": 1, "x": 1}, {"x": None}),
        ({"x": 1}, {"a": 1}, {"a": 1}, {}),
        ({"s": {"x": 1}}, {"s": {"y": 1}}, {"s": {"x": 1, "z": 1}}, {"s": {"x": None, "y": 1}}),
        ({"l": [{"a": 1}]}, {"l": [{"a": 1}]}, {"l": [{"a": 1, "defaulted": 1}]}, {}),
        ({"l": [1]}, {"l": [2]}, {"l": [1]}, {"l": [2]}),
    ],
)
def test_three_way(last: JsonObject, wanted: JsonObject, live: JsonObject, patch: JsonObject) -> None:
    assert manifests.three_way(last, wanted, live) == patch


def test_manifests(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: A\n---\n---\nkind: BList\nitems: [{kind: B}]\n")
    (tmp_path / "b.json").write_text('{"kind": "C"}')
    assert [one["kind"] for one in manifests.read_manifests([str(tmp_path)])] == ["A", "B", "C"]
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(manifests.Usage, match="Object 'Kind' is missing"):
        manifests.read_manifests([str(tmp_path / "b.json")])
    with pytest.raises(manifests.Usage, match="No such file"):
        manifests.read_manifests([str(tmp_path / "none.yaml")])

"""The schemas that ship, and that they are what the tool makes."""

import lzma
import runpy
from pathlib import Path

import pytest

from linkerd_sandbox.apiserver import schemas
from linkerd_sandbox.apiserver.kinds import BUILT_IN, ResourceType

TOOL = Path(__file__).parents[2] / "tools" / "make_schemas.py"


def test_the_file_is_what_the_tool_makes() -> None:
    made = runpy.run_path(str(TOOL))
    shipped = made["TARGET"].read_bytes()
    assert lzma.decompress(made["build"]()) == lzma.decompress(shipped)
    assert len(shipped) < 200_000


@pytest.mark.parametrize("kind", BUILT_IN, ids=lambda kind: kind.kind)
def test_every_kind_has_a_schema(kind: ResourceType) -> None:
    node = schemas.of_kind(kind.group, kind.version, kind.kind)
    assert node is not None
    assert node.child("metadata") is not None


def test_nodes_resolve_references_and_keep_what_stands_beside_them() -> None:
    pod = schemas.of_kind("", "v1", "Pod")
    assert pod is not None
    spec = pod.child("spec")
    assert spec is not None
    assert spec.go_name == "PodSpec"
    containers = spec.child("containers")
    assert containers is not None
    assert containers.merge_key == "name"
    assert containers.strategies == {"merge"}
    volumes = spec.child("volumes")
    assert volumes is not None
    assert volumes.strategies == {"merge", "retainKeys"}
    assert spec.child("nope") is None
    assert schemas.of_kind("", "v1", "Nope") is None

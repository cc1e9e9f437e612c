"""Paths of fields: read, written, merged and taken out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.apiserver import fieldsets
from linkerd_sandbox.apiserver.fieldsets import Path
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.schemas import of_kind

POD = of_kind("", "v1", "Pod")


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({"metadata": {"name": "x", "uid": "1"}}, []),
        ({"metadata": {"labels": {"a": "b"}}}, [("f:metadata", "f:labels", "f:a")]),
        ({"spec": {"nodeSelector": {"a": "b"}}}, [("f:spec", "f:nodeSelector")]),
        ({"metadata": {"finalizers": ["a/b"]}}, [("f:metadata", "f:finalizers", 'v:"a/b"')]),
        (
            {"spec": {"containers": [{"name": "c", "args": ["1"]}]}},
            [
                ("f:spec", "f:containers", 'k:{"name":"c"}'),
                ("f:spec", "f:containers", 'k:{"name":"c"}', "f:args"),
                ("f:spec", "f:containers", 'k:{"name":"c"}', "f:name"),
            ],
        ),
        ({"spec": {"securityContext": {}}}, [("f:spec", "f:securityContext")]),
    ],
)
def test_paths(body: dict[str, Any], paths: list[Path]) -> None:
    assert sorted(fieldsets.leaves(body, POD)) == paths


steps = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"1"'])


@given(st.frozensets(st.lists(steps, min_size=1, max_size=4).map(tuple), max_size=12))
def test_v1_and_back(paths: frozenset[Path]) -> None:
    assert fieldsets.from_v1(fieldsets.to_v1(paths)) == paths


def test_shown() -> None:
    assert fieldsets.shown(("f:spec", 'k:{"name":"c"}', "f:image")) == '.spec[name="c"].image'
    assert fieldsets.shown(("f:metadata", "f:finalizers", 'v:"a"')) == '.metadata.finalizers[="a"]'


def test_merged_lists() -> None:
    node = POD.child("spec") if POD is not None else None
    containers = [{"name": "a", "image": "1"}, {"name": "injected", "image": "2"}]
    live: JsonObject = {"containers": containers, "nodeSelector": {"x": "y"}}
    config: JsonObject = {"containers": [{"name": "a", "image": "3"}], "nodeSelector": {"z": "w"}}
    assert fieldsets.merged(live, config, node) == {
        "containers": [{"name": "a", "image": "3"}, {"name": "injected", "image": "2"}],
        "nodeSelector": {"z": "w"},
    }


def test_without() -> None:
    node = POD.child("spec") if POD is not None else None
    live = {"containers": [{"name": "a", "env": [{"name": "E"}]}, {"name": "b"}], "hostname": "h"}
    first, second = 'k:{"name":"a"}', 'k:{"name":"b"}'
    gone: set[Path] = {("f:containers", second), ("f:containers", first, "f:env", 'k:{"name":"E"}'), ("f:hostname",)}
    assert fieldsets.without(live, gone, node) == {"containers": [{"name": "a"}]}


@pytest.mark.parametrize(
    ("live", "applied", "wanted"),
    [
        ("a", "b", "ab"),  # what others have stays first
        ("abc", "c", "abc"),
        ("abc", "ca", "bca"),  # the applied order decides
        ("ab", "xa", "xab"),
        ("ax", "ba", "bax"),
        ("", "ab", "ab"),
        ("ab", "", "ab"),
    ],
)
def test_order_of_merged_lists(live: str, applied: str, wanted: str) -> None:
    node = POD.child("spec") if POD is not None else None

    def containers(names: str) -> JsonObject:
        return {"containers": [{"name": name} for name in names]}

    assert fieldsets.merged(containers(live), containers(applied), node) == containers(wanted)

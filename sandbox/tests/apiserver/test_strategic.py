"""Strategic merge patch over the schema of Deployments and Services."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.status import StatusError
from linkerd_sandbox.apiserver.strategic import apply

NODE = of_kind("", "v1", "Pod")


def _pod(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


def _containers(*items: dict[str, Any]) -> dict[str, Any]:
    return _pod(containers=list(items))


@pytest.mark.parametrize(
    ("target", "change", "expected"),
    [
        pytest.param(_pod(a=1), _pod(nodeName="n"), _pod(a=1, nodeName="n"), id="objects merge"),
        pytest.param(_pod(nodeName="n"), _pod(nodeName=None), _pod(), id="null removes"),
        pytest.param(
            _containers({"name": "a", "image": "1"}, {"name": "b", "image": "1"}),
            _containers({"name": "b", "image": "2"}),
            _containers({"name": "a", "image": "1"}, {"name": "b", "image": "2"}),
            id="lists merge by key",
        ),
        pytest.param(
            _containers({"name": "a"}),
            _containers({"name": "b"}),
            _containers({"name": "b"}, {"name": "a"}),
            id="new items come first",
        ),
        pytest.param(
            _containers({"name": "a"}, {"name": "b"}),
            _containers({"name": "a", "$patch": "delete"}),
            _containers({"name": "b"}),
            id="an item is deleted",
        ),
        pytest.param(
            _containers({"name": "a"}, {"name": "b"}),
            _containers({"name": "c"}, {"$patch": "replace"}),
            _containers({"name": "c"}),
            id="a list is replaced",
        ),
        pytest.param(
            _containers({"name": "a", "command": ["x", "y"]}),
            _containers({"name": "a", "command": ["z"]}),
            _containers({"name": "a", "command": ["z"]}),
            id="atomic lists replace",
        ),
        pytest.param(
            _pod(securityContext={"runAsUser": 1}),
            _pod(securityContext={"$patch": "replace", "runAsGroup": 2}),
            _pod(securityContext={"runAsGroup": 2}),
            id="an object is replaced",
        ),
        pytest.param(
            _pod(securityContext={"runAsUser": 1}),
            _pod(securityContext={"$patch": "delete"}),
            _pod(),
            id="an object is deleted",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"finalizers": ["b", "c"]}},
            {"metadata": {"finalizers": ["a", "b", "c"]}},
            id="plain lists merge as sets",
        ),
        pytest.param(
            {"metadata": {"finalizers": ["a", "b"]}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}},
            {"metadata": {"finalizers": ["b"]}},
            id="plain items are deleted",
        ),
        pytest.param(
            _containers({"name": "a"}, {"name": "b"}),
            _pod(
                **{
                    "$setElementOrder/containers": [{"name": "c"}, {"name": "b"}, {"name": "a"}],
                    "containers": [{"name": "c"}],
                }
            ),
            _containers({"name": "c"}, {"name": "b"}, {"name": "a"}),
            id="the patch sets the order",
        ),
        pytest.param(
            _containers({"name": "a"}, {"name": "proxy"}, {"name": "b"}),
            _pod(**{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]}),
            _containers({"name": "proxy"}, {"name": "b"}, {"name": "a"}),
            id="what the order leaves out stays",
        ),
        pytest.param(
            _pod(volumes=[{"name": "v", "emptyDir": {}, "x": 1}]),
            _pod(volumes=[{"name": "v", "$retainKeys": ["name", "secret"], "secret": {"secretName": "s"}}]),
            _pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
            id="only retained keys stay",
        ),
        pytest.param(
            {"metadata": {}},
            {"metadata": {"annotations": {"a": "b"}}},
            {"metadata": {"annotations": {"a": "b"}}},
            id="new map",
        ),
    ],
)
def test_apply(target: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]) -> None:
    before = repr(target)
    assert apply(target, change, NODE) == expected
    assert repr(target) == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"$patch": "grow"}, 400),
        (_containers({"image": "x"}), 500),
        (_pod(containers=["x"]), 400),
        (_pod(strategy={"$retainKeys": "x"}), 400),
        (_pod(securityContext={"$retainKeys": ["a"], "b": 1}), 400),
        ({"spec": {"$setElementOrder/containers": "x"}}, 400),
    ],
)
def test_malformed_patches_are_refused(change: dict[str, Any], code: int) -> None:
    with pytest.raises(StatusError) as caught:
        apply(_containers({"name": "a"}), change, NODE)
    assert caught.value.code == code


def test_without_a_schema_lists_replace() -> None:
    assert apply({"l": [1]}, {"l": [2]}, None) == {"l": [2]}

"""Field managers over a small object."""

import pytest

from linkerd_sandbox.apiserver import ownership
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.ownership import Writer
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.status import StatusError

NODE = of_kind("", "v1", "ConfigMap")


def writer(name: str, operation: str = "Apply", now: str = "t1") -> Writer:
    return Writer(name, operation, "v1", now)


def config(**data: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}} | ({"data": data} if data else {})


def owned(body: JsonObject) -> dict[str, list[str]]:
    return {one.writer.manager: sorted(path[-1] for path in one.paths) for one in ownership.read(body)}


def test_two_appliers_share_what_they_agree_on() -> None:
    body = ownership.applied(None, config(a="1"), writer("one"), NODE, force=False)
    body = ownership.applied(body, config(a="1", b="2"), writer("two"), NODE, force=False)
    assert owned(body) == {"one": ["f:a"], "two": ["f:a", "f:b"]}
    body = ownership.applied(body, config(), writer("two"), NODE, force=False)
    assert (body["data"], owned(body)) == ({"a": "1"}, {"one": ["f:a"]})


def test_an_update_takes_what_it_changes() -> None:
    old = ownership.applied(None, config(a="1", b="2"), writer("one"), NODE, force=False)
    new = {**old, "data": {"a": "9", "c": "3"}}
    body = ownership.updated(old, new, writer("editor", "Update"), NODE)
    assert owned(body) == {"editor": ["f:a", "f:c"]}
    with pytest.raises(StatusError, match=r'conflict with "editor" using v1: \.data\.a'):
        ownership.applied(body, config(a="1"), writer("one"), NODE, force=False)
    forced = ownership.applied(body, config(a="1"), writer("one"), NODE, force=True)
    assert owned(forced) == {"one": ["f:a"], "editor": ["f:c"]}


def test_nothing_new_keeps_the_time() -> None:
    body = ownership.applied(None, config(a="1"), writer("one"), NODE, force=False)
    assert ownership.applied(body, config(a="1"), writer("one", now="t2"), NODE, force=False) == body
    assert ownership.updated(body, body, writer("x", "Update"), NODE) == body


def test_several_conflicts_are_listed() -> None:
    body = ownership.updated(None, config(a="1", b="2"), writer("x", "Update"), NODE)
    with pytest.raises(StatusError) as caught:
        ownership.applied(body, config(a="3", b="4"), writer("y"), NODE, force=False)
    assert str(caught.value) == 'Apply failed with 2 conflicts: conflicts with "x" using v1:\n- .data.a\n- .data.b'

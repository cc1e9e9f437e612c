"""Revisions of a pod template: made, found again, forgotten."""

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.controllers import history
from linkerd_sandbox.controllers.actions import Create, Delete, Patch


def _owner(**spec: object) -> JsonObject:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    meta = {"name": "s", "namespace": "n", "uid": "u", "annotations": {"kubernetes.io/change-cause": "why"}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": {"template": template, **spec}}


def _revision(name: str, number: int) -> JsonObject:
    return {"metadata": {"name": name, "namespace": "n", "uid": name}, "revision": number}


def test_a_new_template_is_the_newest_revision() -> None:
    (made,) = history.record(_owner(), [_revision("s-a", 4)], "s-x", [])
    assert isinstance(made, Create)
    body = made.body
    assert (body["metadata"]["name"], body["revision"]) == ("s-x", 5)
    assert body["metadata"]["labels"] == {"a": "b", "controller.kubernetes.io/hash": "x"}
    assert body["metadata"]["annotations"] == {"kubernetes.io/change-cause": "why"}
    assert body["data"]["spec"]["template"]["$patch"] == "replace"
    assert body["data"]["spec"]["template"]["spec"]["containers"][0]["image"] == "i:1"


def test_a_template_that_comes_back_is_found_again() -> None:
    revisions = [_revision("s-a", 1), _revision("s-b", 2)]
    assert history.record(_owner(), revisions, "s-a", []) == [
        Patch(history.CONTROLLER_REVISIONS, "n", "s-a", {"revision": 3})
    ]
    assert history.record(_owner(), revisions, "s-b", []) == []


def test_the_oldest_go_unless_pods_have_them() -> None:
    revisions = [_revision(f"s-{number}", number) for number in range(1, 5)]
    actions = history.record(_owner(revisionHistoryLimit=1), revisions, "s-4", ["s-1"])
    assert actions == [Delete(history.CONTROLLER_REVISIONS, "n", "s-2", "s-2")]


def test_an_owner_that_goes_makes_none() -> None:
    owner = _owner()
    owner["metadata"]["deletionTimestamp"] = "now"
    assert history.record(owner, [], "s-x", []) == []

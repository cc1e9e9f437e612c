"""Owner references: background, foreground, orphan."""

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import DEPLOYMENTS, PODS
from linkerd_sandbox.controllers import garbage
from linkerd_sandbox.controllers.actions import Delete, Patch


def an_object(name: str, *, owner: str = "", **meta: object) -> JsonObject:
    references = [{"uid": owner, "kind": "Deployment", "name": owner, "blockOwnerDeletion": True}] if owner else []
    return {"metadata": {"name": name, "namespace": "default", "uid": name, "ownerReferences": references, **meta}}


def test_an_orphan_by_accident_is_deleted() -> None:
    plan = garbage.collect(PODS, an_object("pod", owner="gone"), lambda _: False)
    assert plan.actions == [Delete(PODS, "default", "pod", "pod")]
    assert garbage.collect(PODS, an_object("pod", owner="there"), lambda _: True).actions == ()
    assert garbage.collect(PODS, an_object("pod"), lambda _: False).actions == ()
    assert garbage.collect(PODS, an_object("pod", owner="gone", deletionTimestamp="x"), lambda _: False).actions == ()


def test_foreground_deletion_waits_for_dependents() -> None:
    owner = an_object("owner", deletionTimestamp="x", finalizers=["foregroundDeletion", "mine"])
    pod = an_object("pod", owner="owner")
    assert garbage.finalize(DEPLOYMENTS, owner, [(PODS, pod)]).actions == [
        Delete(PODS, "default", "pod", "pod", "Foreground")
    ]
    (release,) = garbage.finalize(DEPLOYMENTS, owner, []).actions
    assert isinstance(release, Patch)
    assert release.body == {"metadata": {"finalizers": ["mine"]}}


def test_orphans_on_purpose_lose_their_reference() -> None:
    owner = an_object("owner", deletionTimestamp="x", finalizers=["orphan"])
    disown, release = garbage.finalize(DEPLOYMENTS, owner, [(PODS, an_object("pod", owner="owner"))]).actions
    assert isinstance(disown, Patch)
    assert disown.body == {"metadata": {"ownerReferences": None}}
    assert isinstance(release, Patch)
    assert release.body == {"metadata": {"finalizers": None}}


def test_a_living_owner_is_left_alone() -> None:
    assert garbage.finalize(DEPLOYMENTS, an_object("owner", finalizers=["orphan"]), []).actions == ()

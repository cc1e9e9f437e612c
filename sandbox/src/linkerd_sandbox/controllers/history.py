"""ControllerRevisions: the pod templates that a StatefulSet or DaemonSet had, for `kubectl rollout history` and `undo`.

Source: pkg/controller/history. A revision is named after its template, so a template that comes back finds its old
revision, which then gets the newest number. PURE.
"""

from collections.abc import Collection, Sequence
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers.actions import Action, Create, Delete, Patch, controller_reference
from linkerd_sandbox.fields import dig, dig_map

CONTROLLER_REVISIONS: Final = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
_LIMIT: Final = 10
_SKIPPED: Final = "kubectl.kubernetes.io/last-applied-configuration"


def record(owner: JsonObject, revisions: Sequence[JsonObject], name: str, in_use: Collection[str]) -> list[Action]:
    """What makes `name` the newest revision of the owner; old ones beyond its limit go, unless pods still have them."""
    if dig(owner, "metadata", "deletionTimestamp"):
        return []
    namespace = str(owner["metadata"]["namespace"])
    newest = max((int(one.get("revision") or 0) for one in revisions), default=0)
    found = next((one for one in revisions if one["metadata"]["name"] == name), None)
    if found is None:
        return [
            Create(CONTROLLER_REVISIONS, namespace, _revision(owner, name, newest + 1)),
            *_old(owner, revisions, in_use),
        ]
    if int(found.get("revision") or 0) < newest:
        return [Patch(CONTROLLER_REVISIONS, namespace, name, {"revision": newest + 1})]
    return _old(owner, [one for one in revisions if one is not found], in_use)


def _revision(owner: JsonObject, name: str, number: int) -> JsonObject:
    template = dig_map(owner, "spec", "template")
    annotations = {key: value for key, value in dig_map(owner, "metadata", "annotations").items() if key != _SKIPPED}
    return {
        "apiVersion": CONTROLLER_REVISIONS.api_version,
        "kind": CONTROLLER_REVISIONS.kind,
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {
                **dig_map(template, "metadata", "labels"),
                "controller.kubernetes.io/hash": name.rpartition("-")[2],
            },
            "annotations": annotations,
            "ownerReferences": [controller_reference(owner)],
        },
        # a strategic merge patch of the owner: `undo` sends it as it stands
        "data": {"spec": {"template": {**template, "$patch": "replace"}}},
        "revision": number,
    }


def _old(owner: JsonObject, others: Sequence[JsonObject], in_use: Collection[str]) -> list[Action]:
    limit = dig(owner, "spec", "revisionHistoryLimit")
    spare = sorted(
        (one for one in others if one["metadata"]["name"] not in in_use), key=lambda one: int(one.get("revision") or 0)
    )
    excess = spare[: max(len(spare) - (_LIMIT if limit is None else int(limit)), 0)]
    metas = [one["metadata"] for one in excess]
    return [Delete(CONTROLLER_REVISIONS, meta["namespace"], meta["name"], meta["uid"]) for meta in metas]

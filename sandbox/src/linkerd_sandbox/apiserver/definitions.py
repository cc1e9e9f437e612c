"""Custom resources come and go with their definitions: registry, Established condition, clean-up."""

import time

from linkerd_sandbox.apiserver import crds
from linkerd_sandbox.apiserver.kinds import ResourceType, field_values
from linkerd_sandbox.apiserver.objects import JsonObject, copy
from linkerd_sandbox.apiserver.resources import Resources, stamp

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def follow_definitions(resources: Resources) -> None:
    """Serve what the stored CRDs define, from now on."""

    def changed(kind: ResourceType, new: JsonObject | None, old: JsonObject | None) -> None:
        if kind.qualified != _CRDS:
            return
        body = new or old
        assert body is not None
        name = body["metadata"]["name"]
        if new is None:
            _remove_objects(resources, name)
            resources.registry.set_custom(name, [])
            return
        resources.registry.set_custom(name, crds.resource_types(new))
        accepted = crds.accepted_status(new, stamp(time.time()))
        if accepted != new.get("status"):
            body = copy(new)
            body["status"] = accepted
            resources.store.put(_CRDS, body, field_values(kind, body))

    resources.on_write.append(changed)


def _remove_objects(resources: Resources, name: str) -> None:
    """A definition that goes takes its objects along; their finalizers have no say: nobody can read them any more."""
    kinds = resources.registry.versions(name)
    for item in list(resources.store.scan(name)):
        if kinds:
            body = copy(item.body)
            resources.store.remove(name, body, field_values(kinds[0], body))

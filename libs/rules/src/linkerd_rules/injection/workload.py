"""Where the pod template stands in each kind of workload."""

from linkerd_rules.injection.tree import JsonObject, Malformed, child, join

TEMPLATES: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Kinds that are injected (Linkerd), and the path to what `inject_pod` takes."""


def pod_template(document: JsonObject) -> JsonObject | None:
    """The pod template inside a workload (the Pod itself for a Pod); None for other kinds. Raises Malformed."""
    kind = document.get("kind")
    path = TEMPLATES.get(kind) if isinstance(kind, str) else None
    if path is None:
        return None
    found, where = document, ""
    for key in path:
        if found.get(key) is None:
            raise Malformed(join(where, key), "is missing")
        found = child(found, key, where)
        where = join(where, key)
    return found


def with_template(document: JsonObject, template: JsonObject) -> JsonObject:
    """A workload with another pod template; the document given is not changed. Raises Malformed."""
    if pod_template(document) is None:
        raise Malformed("kind", "has no pod template")
    path = TEMPLATES[str(document["kind"])]
    return _replace(document, path, template)


def _replace(node: JsonObject, path: tuple[str, ...], template: JsonObject) -> JsonObject:
    if not path:
        return template
    return {**node, path[0]: _replace(child(node, path[0], ""), path[1:], template)}

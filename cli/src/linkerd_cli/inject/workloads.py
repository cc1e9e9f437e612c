"""Where the pod is in each kind of workload. PURE."""

from linkerd_cli.documents import JsonObject

TEMPLATE_PATHS: dict[str, tuple[str, ...]] = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def pod_template(document: JsonObject) -> JsonObject | None:
    """The part with the pod's metadata and spec; None where the kind has none or the document lacks it."""
    path = TEMPLATE_PATHS.get(str(document.get("kind")))
    if path is None:
        return None
    part: object = document
    for key in path:
        part = part.get(key) if isinstance(part, dict) else None
    return part if isinstance(part, dict) else None


def mapping(parent: JsonObject, key: str) -> JsonObject:
    """A child mapping to read; an empty one where it is absent or no mapping."""
    child = parent.get(key)
    return child if isinstance(child, dict) else {}


def ensure(parent: JsonObject, key: str) -> JsonObject:
    """A child mapping to write, made where absent (or null, as `annotations:` alone reads)."""
    child = parent.get(key)
    if not isinstance(child, dict):
        child = {}
        parent[key] = child
    return child


def objects(parent: JsonObject, key: str) -> list[JsonObject]:
    """The mappings in a child list."""
    child = parent.get(key)
    return [item for item in child if isinstance(item, dict)] if isinstance(child, list) else []


def text(parent: JsonObject, key: str) -> str:
    """A child string, "" where absent."""
    child = parent.get(key)
    return child if isinstance(child, str) else ""


def kind_of(document: JsonObject) -> str:
    """Its kind as reports write it."""
    return text(document, "kind").lower()


def name_of(document: JsonObject) -> str:
    """Its name."""
    metadata = mapping(document, "metadata")
    return text(metadata, "name") or text(metadata, "generateName")

"""Taking the mesh out of a pod template. PURE; works in place.

Dropped: the containers linkerd-proxy and linkerd-init, their volumes, labels and annotations that begin with
linkerd.io; `linkerd.io/inject: disabled` and config.linkerd.io/* stay, as in Linkerd.
"""

from linkerd_cli.documents import JsonObject
from linkerd_cli.inject.workloads import mapping, pod_template
from linkerd_contract import names

_CONTAINERS = frozenset({names.PROXY_CONTAINER, names.INIT_CONTAINER})
_VOLUMES = frozenset({names.IDENTITY_VOLUME, names.TOKEN_VOLUME, names.XTABLES_VOLUME})
_PREFIX = "linkerd.io"


def uninject(document: JsonObject) -> bool:
    """Whether anything was removed from a workload, Namespace or Service."""
    if document.get("kind") in ("Namespace", "Service"):
        return _clean_metadata(mapping(document, "metadata"))
    template = pod_template(document)
    if template is None:
        return False
    changed = _clean_metadata(mapping(template, "metadata"))
    spec = mapping(template, "spec")
    for key, dropped in (("containers", _CONTAINERS), ("initContainers", _CONTAINERS), ("volumes", _VOLUMES)):
        changed |= _drop_named(spec, key, dropped)
    return changed


def _clean_metadata(metadata: JsonObject) -> bool:
    changed = False
    for key in ("labels", "annotations"):
        values = metadata.get(key)
        if not isinstance(values, dict):
            continue
        kept = {name: value for name, value in values.items() if not _ours(name, value)}
        if len(kept) != len(values):
            changed = True
            _put(metadata, key, kept)
    return changed


def _ours(name: object, value: object) -> bool:
    if not isinstance(name, str) or not name.startswith(_PREFIX):
        return False
    return not (name == names.ANNOTATION_INJECT and value == "disabled")


def _drop_named(spec: JsonObject, key: str, dropped: frozenset[str]) -> bool:
    items = spec.get(key)
    if not isinstance(items, list):
        return False
    kept = [item for item in items if not (isinstance(item, dict) and item.get("name") in dropped)]
    if len(kept) == len(items):
        return False
    _put(spec, key, kept)
    return True


def _put(parent: JsonObject, key: str, kept: object) -> None:
    """What was there only because of us leaves nothing behind."""
    if kept:
        parent[key] = kept
    else:
        del parent[key]

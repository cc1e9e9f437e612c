"""Undoing injection: `linkerd uninject`, and the first step of `linkerd inject`.

Drops our containers, volumes, and the labels and annotations under linkerd.io/, but keeps `linkerd.io/inject: disabled`
and everything under config.linkerd.io/ (Linkerd). Lists and maps that become empty go, as Go's omitempty has it.
"""

import copy

from linkerd_contract import names
from linkerd_rules.injection.skip import DISABLED
from linkerd_rules.injection.tree import JsonObject, attached, child, objects

_CONTAINERS = frozenset({names.PROXY_CONTAINER, names.INIT_CONTAINER})
_VOLUMES = frozenset({names.IDENTITY_VOLUME, names.TOKEN_VOLUME, names.XTABLES_VOLUME})
_PREFIX = "linkerd.io"


def uninject_pod(template: JsonObject) -> JsonObject | None:
    """The pod or pod template without its sidecar; None where there is nothing to undo. Raises Malformed."""
    pod = copy.deepcopy(template)
    spec, metadata = child(pod, "spec", ""), child(pod, "metadata", "")
    changed = [
        _drop(spec, "containers", _CONTAINERS),
        _drop(spec, "initContainers", _CONTAINERS),
        _drop(spec, "volumes", _VOLUMES),
        uninject_metadata(metadata),
    ]
    return pod if any(changed) else None


def uninject_metadata(metadata: JsonObject) -> bool:
    """Drop our labels and annotations in place; whether there were any. Raises Malformed."""
    changed = False
    for key in ("labels", "annotations"):
        pairs = attached(metadata, key, "metadata") if metadata.get(key) is not None else {}
        doomed = [
            name
            for name, value in pairs.items()
            if name.startswith(_PREFIX) and not (name == names.ANNOTATION_INJECT and value == DISABLED)
        ]
        for name in doomed:
            del pairs[name]
        if doomed and not pairs:
            del metadata[key]
        changed = changed or bool(doomed)
    return changed


def _drop(spec: JsonObject, key: str, doomed: frozenset[str]) -> bool:
    before = objects(spec, key, "spec")
    after = [item for item in before if item.get("name") not in doomed]
    if len(after) == len(before):
        return False
    if after:
        spec[key] = after
    else:
        del spec[key]
    return True

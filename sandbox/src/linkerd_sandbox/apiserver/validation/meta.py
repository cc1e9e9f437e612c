"""Checks of metadata, and of label selectors. PURE."""

from collections.abc import Callable

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig_list, dig_map
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import names
from linkerd_sandbox.apiserver.validation.causes import invalid, required

_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")
_ANNOTATIONS_SIZE = 256 << 10
_NAME_RULES: dict[str, Callable[[str], str | None]] = {
    "namespaces": names.label,
    "services": names.dns1035,
    "roles.rbac.authorization.k8s.io": names.path_segment,
    "clusterroles.rbac.authorization.k8s.io": names.path_segment,
    "rolebindings.rbac.authorization.k8s.io": names.path_segment,
    "clusterrolebindings.rbac.authorization.k8s.io": names.path_segment,
}


def metadata(kind: ResourceType, body: JsonObject) -> list[Cause]:
    """What is wrong with an object's metadata."""
    causes: list[Cause] = []
    meta = dig_map(body, "metadata")
    name = meta.get("name") or ""
    wrong = _NAME_RULES.get(kind.qualified, names.subdomain)(name)
    if wrong:
        causes.append(invalid("metadata.name", name, wrong))
    prefix = meta.get("generateName")
    wrong = _NAME_RULES.get(kind.qualified, names.subdomain)(prefix.rstrip("-.") or prefix) if prefix else None
    if wrong:
        causes.append(invalid("metadata.generateName", prefix, wrong))
    causes += labels(dig_map(meta, "labels"), "metadata.labels")
    causes += annotations(dig_map(meta, "annotations"), "metadata.annotations")
    for index, finalizer in enumerate(dig_list(meta, "finalizers")):
        wrong = names.qualified(finalizer)
        if wrong:
            causes.append(invalid("metadata.finalizers", finalizer, wrong))
        elif "/" not in finalizer and finalizer not in _FINALIZERS:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            causes.append(invalid(f"metadata.finalizers[{index}]", finalizer, why))
    controllers = 0
    for owner in dig_list(meta, "ownerReferences"):
        for field, word in (("apiVersion", "version"), ("kind", "kind"), ("name", "name"), ("uid", "uid")):
            if not owner.get(field):
                causes.append(invalid(f"metadata.ownerReferences.{field}", "", f"{word} must not be empty"))
        controllers += bool(owner.get("controller"))
    if controllers > 1:
        causes.append(invalid("metadata.ownerReferences", "", "Only one reference can have Controller set to true"))
    return causes


def labels(found: JsonObject, path: str) -> list[Cause]:
    """What is wrong with labels."""
    causes: list[Cause] = []
    for key, value in found.items():
        wrong = names.qualified(key)
        if wrong:
            causes.append(invalid(path, key, wrong))
        wrong = names.label_value(value)
        if wrong:
            causes.append(invalid(path, value, wrong))
    return causes


def annotations(found: JsonObject, path: str) -> list[Cause]:
    """What is wrong with annotations."""
    causes: list[Cause] = []
    size = 0
    for key, value in found.items():
        wrong = names.qualified(key.lower())
        if wrong:
            causes.append(invalid(path, key, wrong))
        size += len(key) + len(value)
    if size > _ANNOTATIONS_SIZE:
        causes.append(Cause(path, "FieldValueTooLong", f"Too long: may not be more than {_ANNOTATIONS_SIZE} bytes"))
    return causes


def selector(found: JsonObject, path: str) -> list[Cause]:
    """What is wrong with a LabelSelector."""
    causes = labels(dig_map(found, "matchLabels"), f"{path}.matchLabels")
    for index, expression in enumerate(dig_list(found, "matchExpressions")):
        here = f"{path}.matchExpressions[{index}]"
        operator, values = expression.get("operator"), expression.get("values")
        if operator in ("In", "NotIn") and not values:
            causes.append(required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        if operator in ("Exists", "DoesNotExist") and values:
            why = "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(Cause(f"{here}.values", "FieldValueForbidden", why))
        if operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            causes.append(invalid(f"{here}.operator", operator or "", "not a valid selector operator"))
        wrong = names.qualified(expression.get("key") or "")
        if wrong:
            causes.append(invalid(f"{here}.key", expression.get("key"), wrong))
    return causes

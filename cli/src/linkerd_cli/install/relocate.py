"""The control plane in another namespace than linkerd: every place that names it. PURE."""

from linkerd_cli.tree import JsonObject, mapping, text
from linkerd_contract import names

_OLD = names.LINKERD_NAMESPACE
_ROLE_PREFIX = f"{_OLD}-{_OLD}-"


def relocate(obj: JsonObject, namespace: str) -> JsonObject:
    """The object with its own and its references' namespace replaced; the object given is not changed."""
    moved = _walk(obj, namespace)
    assert isinstance(moved, dict)
    if moved.get("kind") == "Namespace":
        mapping(moved, "metadata")["name"] = namespace
    return moved


def _walk(value: object, namespace: str) -> object:
    if isinstance(value, list):
        return [_walk(item, namespace) for item in value]
    if not isinstance(value, dict):
        return value
    moved = {key: _leaf(key, item, namespace) for key, item in value.items()}
    if text(moved, "name").startswith("LINKERD_") and isinstance(moved.get("value"), str):
        moved["value"] = _variable(text(moved, "name"), text(moved, "value"), namespace)
    return moved


def _leaf(key: str, value: object, namespace: str) -> object:
    if isinstance(value, str):
        if key in ("namespace", names.LABEL_CONTROL_PLANE_NS) and value == _OLD:
            return namespace
        if key == "name":
            return _role(value, namespace)
    return _walk(value, namespace)


def _role(name: str, namespace: str) -> str:
    return f"{_OLD}-{namespace}-{name.removeprefix(_ROLE_PREFIX)}" if name.startswith(_ROLE_PREFIX) else name


def _variable(name: str, value: str, namespace: str) -> str:
    if name == "LINKERD_NAMESPACE":
        return namespace
    value = value.replace(f".{_OLD}.svc.", f".{namespace}.svc.")
    suffix = ".{0}.serviceaccount.identity.{0}."
    return value.replace(suffix.format(_OLD), suffix.format(namespace))


def relocated_name(kind: str, name: str, namespace: str) -> str:
    """The name that an object of the control plane has there."""
    return namespace if kind == "Namespace" else _role(name, namespace)

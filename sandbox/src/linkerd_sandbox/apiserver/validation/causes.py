"""Causes in Kubernetes' words (k8s.io/apimachinery/pkg/util/validation/field). PURE."""

from collections.abc import Iterable

from linkerd_sandbox.apiserver.objects import encode
from linkerd_sandbox.apiserver.status import Cause


def shown(value: object) -> str:
    """A bad value as messages show it."""
    if isinstance(value, str):
        return encode(value).decode()
    if isinstance(value, (bool, dict, list)) or value is None:
        return encode(value).decode()
    return str(value)


def go_syntax(value: object) -> str:
    """A value as messages show it where Go prints its type along: lists and maps of strings."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "[]string{" + ", ".join(map(shown, value)) + "}"
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return "map[string]string{" + ", ".join(f"{shown(key)}:{shown(value[key])}" for key in sorted(value)) + "}"
    return shown(value)


def required(field: str, why: str = "") -> Cause:
    """A field is missing."""
    return Cause(field, "FieldValueRequired", f"Required value: {why}" if why else "Required value")


def invalid(field: str, value: object, why: str) -> Cause:
    """A value breaks a rule."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {shown(value)}: {why}")


def unsupported(field: str, value: object, supported: Iterable[str]) -> Cause:
    """A value is none of those allowed, which are listed in Kubernetes' order."""
    listed = ", ".join(f'"{item}"' for item in supported)
    return Cause(field, "FieldValueNotSupported", f"Unsupported value: {shown(value)}: supported values: {listed}")


def duplicate(field: str, value: object) -> Cause:
    """A value that must be unique comes twice."""
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {shown(value)}")


def not_found(field: str, value: object) -> Cause:
    """A reference inside the object leads nowhere."""
    return Cause(field, "FieldValueNotFound", f"Not found: {shown(value)}")


def forbidden(field: str, why: str) -> Cause:
    """A field may not be set, or not changed."""
    return Cause(field, "FieldValueForbidden", f"Forbidden: {why}")

"""CustomResourceDefinitions: what one definition serves, and whether its names and schema are acceptable. PURE."""

import re
from dataclasses import dataclass
from functools import cached_property

from linkerd_sandbox.apiserver.kinds import ALL_VERBS, ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig, dig_list, dig_map
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import names as rules

_LABEL = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?|[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class CustomKind:
    """What a version of a CRD says beyond its names."""

    schema: JsonObject
    columns: tuple[JsonObject, ...]
    selectable: tuple[str, ...]
    status: bool
    scale: JsonObject | None
    storage_version: str

    @cached_property
    def node(self) -> Node:
        """The schema, ready to walk objects with."""
        return Node(self.schema)


def resource_types(crd: JsonObject) -> list[ResourceType]:
    """The types that an accepted CRD serves, one for each served version."""
    spec = dig_map(crd, "spec")
    names = dig_map(spec, "names")
    storage = next((v["name"] for v in dig_list(spec, "versions") if v.get("storage")), "")
    found: list[ResourceType] = []
    for version in dig_list(spec, "versions"):
        if not version.get("served"):
            continue
        subresources = dig_map(version, "subresources")
        custom = CustomKind(
            schema=dig_map(version, "schema", "openAPIV3Schema"),
            columns=tuple(dig_list(version, "additionalPrinterColumns")),
            selectable=tuple(item["jsonPath"].removeprefix(".") for item in dig_list(version, "selectableFields")),
            status="status" in subresources,
            scale=subresources.get("scale"),
            storage_version=storage,
        )
        found.append(
            ResourceType(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                singular=names.get("singular") or names["kind"].lower(),
                namespaced=spec.get("scope") == "Namespaced",
                short_names=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                subresources=tuple(name for name in ("status", "scale") if name in subresources),
                verbs=ALL_VERBS,
                generation=True,
                custom=custom,
            )
        )
    return found


def defaulted(crd: JsonObject) -> JsonObject:
    """The CRD with the names, list kind and conversion that Kubernetes fills in."""
    changed = copy(crd)
    spec = changed.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in dig_list(spec, "versions"):
        for column in dig_list(version, "additionalPrinterColumns"):
            if column.get("priority") == 0:
                del column["priority"]
    return changed


def accepted_status(crd: JsonObject, now: str) -> JsonObject:
    """The status of a CRD whose names are free: accepted and established at once."""
    names = dict(dig_map(crd, "spec", "names"))
    old = {c["type"]: c for c in dig_list(crd, "status", "conditions")}

    def condition(name: str, reason: str, message: str) -> JsonObject:
        since = dig(old.get(name), "lastTransitionTime") if dig(old.get(name), "status") == "True" else None
        return {
            "type": name,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": since or now,
        }

    stored = dig_list(crd, "status", "storedVersions")
    storage = next((v["name"] for v in dig_list(crd, "spec", "versions") if v.get("storage")), "")
    return {
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": names,
        "storedVersions": stored if storage in stored else [*stored, storage],
    }


_TYPES = ("array", "boolean", "integer", "number", "object", "string")


def validate(crd: JsonObject) -> list[Cause]:
    """What is wrong with a CRD (k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation)."""
    causes: list[Cause] = []
    spec = dig_map(crd, "spec")
    names = dig_map(spec, "names")
    name, group, plural = dig(crd, "metadata", "name"), spec.get("group") or "", names.get("plural") or ""
    if name != f"{plural}.{group}":
        causes.append(_invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'))
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field)
        if not value:
            causes.append(Cause(f"spec.names.{field}", "FieldValueRequired", "Required value"))
        elif not _LABEL.fullmatch(value.lower()) or (field in ("plural", "singular") and value != value.lower()):
            causes.append(
                _invalid(
                    f"spec.names.{field}",
                    value,
                    rules.DNS1035_RULE,
                )
            )
    if "." not in group:
        causes.append(_invalid("spec.group", group, "should be a domain with at least one dot"))
    if spec.get("scope") not in ("Cluster", "Namespaced"):
        causes.append(_unsupported("spec.scope", spec.get("scope"), ("Cluster", "Namespaced")))
    return causes + _validate_versions(spec)


def _validate_versions(spec: JsonObject) -> list[Cause]:
    causes: list[Cause] = []
    versions = dig_list(spec, "versions")
    if not versions:
        causes.append(Cause("spec.versions", "FieldValueRequired", "Required value"))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        causes.append(_invalid("spec.versions", "", "must have exactly one version marked as storage version"))
    for index, version in enumerate(versions):
        path = f"spec.versions[{index}]"
        if not _VERSION.fullmatch(version.get("name") or ""):
            causes.append(
                _invalid(
                    f"{path}.name",
                    version.get("name"),
                    "a DNS-1035 label must consist of lower case alphanumeric characters or '-'",
                )
            )
        schema = dig(version, "schema", "openAPIV3Schema")
        if not isinstance(schema, dict):
            causes.append(
                Cause(f"{path}.schema.openAPIV3Schema", "FieldValueRequired", "Required value: schemas are required")
            )
            continue
        here = f"{path}.schema.openAPIV3Schema"
        if not schema.get("type"):
            why = "Required value: must not be empty at the root"
            causes.append(Cause(f"{here}.type", "FieldValueRequired", why))
        elif schema["type"] != "object":
            causes.append(_invalid(f"{here}.type", schema["type"], "must be object at the root"))
        causes += _structural({"type": "object", **schema}, here, inside_logic=False)
    strategy = dig(spec, "conversion", "strategy")
    if strategy == "Webhook":
        causes.append(_unsupported("spec.conversion.strategy", strategy, ("None",)))
    return causes


def _structural(schema: JsonObject, path: str, *, inside_logic: bool) -> list[Cause]:
    """Rules of structural schemas: a type everywhere, no references, no `additionalProperties` beside `properties`."""
    causes: list[Cause] = []
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not inside_logic and not schema.get("type") and not free:
        causes.append(
            Cause(f"{path}.type", "FieldValueRequired", "Required value: must not be empty for specified object fields")
        )
    if schema.get("type", "object") not in _TYPES:
        causes.append(_unsupported(f"{path}.type", schema["type"], _TYPES))
    if "$ref" in schema:
        causes.append(Cause(f"{path}.$ref", "FieldValueForbidden", "Forbidden: $ref is not supported"))
    if schema.get("properties") and schema.get("additionalProperties"):
        causes.append(
            Cause(
                f"{path}.additionalProperties",
                "FieldValueForbidden",
                "Forbidden: additionalProperties and properties are mutual exclusive",
            )
        )
    for name, child in dig_map(schema, "properties").items():
        if isinstance(child, dict):
            causes += _structural(child, f"{path}.properties[{name}]", inside_logic=inside_logic)
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        causes += _structural(items, f"{path}.items", inside_logic=inside_logic)
    if isinstance(additional, dict):
        causes += _structural(additional, f"{path}.additionalProperties", inside_logic=inside_logic)
    for word in ("allOf", "anyOf", "oneOf"):
        for index, child in enumerate(dig_list(schema, word)):
            causes += _structural(child, f"{path}.{word}[{index}]", inside_logic=True)
    return causes


def _invalid(field: str, value: object, why: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f'Invalid value: "{value if value is not None else ""}": {why}')


def _unsupported(field: str, value: object, supported: tuple[str, ...]) -> Cause:
    choices = ", ".join(f'"{item}"' for item in supported)
    return Cause(field, "FieldValueNotSupported", f'Unsupported value: "{value or ""}": supported values: {choices}')

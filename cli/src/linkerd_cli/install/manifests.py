"""Everything that `install` and `upgrade` print, from what is asked for."""

import sys

from linkerd_cli.documents import Document, dump_json, load
from linkerd_cli.errors import CliError
from linkerd_cli.install.overrides import Overrides, secret
from linkerd_cli.install.relocate import relocate
from linkerd_cli.install.render import Request, render
from linkerd_cli.install.rendered import CONTROL_PLANE, CONTROL_PLANE_HA, documents, stream
from linkerd_cli.tree import JsonObject, meta
from linkerd_contract import names

Parts = list[str | JsonObject]


def manifests(overrides: Overrides, namespace: str, *, crds_only: bool = False, store: bool = False) -> Parts:
    """The objects; `store` keeps the Secret of overrides even where there are none. Raises CliError."""
    loaded = documents(CONTROL_PLANE_HA if overrides.ha else CONTROL_PLANE)
    registry = (overrides.registry or names.REGISTRY).rstrip("/")
    parts = render(loaded, Request(overrides.assignments, registry, crds_only))
    if not crds_only and (store or not overrides.empty):
        parts.insert(_after_config(parts), secret(overrides, names.LINKERD_NAMESPACE))
    if namespace == names.LINKERD_NAMESPACE:
        return parts
    return [relocate(as_object(part), namespace) for part in parts]


def as_object(part: str | JsonObject) -> JsonObject:
    """A part, parsed where it is text."""
    value = load(Document("manifests", 1, part)) if isinstance(part, str) else part
    if not isinstance(value, dict):
        raise CliError("a manifest is not an object")
    return value


def without_definitions(parts: Parts, left_out: dict[str, str]) -> Parts:
    """Leaves out CustomResourceDefinitions that belong to others, and says so on stderr."""
    for name, who in left_out.items():
        print(f"‼ CustomResourceDefinition {name} belongs to {who}: left as it is", file=sys.stderr)
    if not left_out:
        return parts
    return [part for part in parts if _definition(part) not in left_out]


def write(parts: Parts, output: str) -> None:
    """To stdout, as yaml or json."""
    if output == "json":
        sys.stdout.write("".join(dump_json(as_object(part)) for part in parts))
    else:
        sys.stdout.write(stream(parts))


def _definition(part: str | JsonObject) -> str:
    if isinstance(part, str) and "kind: CustomResourceDefinition\n" not in part:
        return ""
    value = as_object(part)
    return meta(value, "name") if value.get("kind") == "CustomResourceDefinition" else ""


def _after_config(parts: Parts) -> int:
    for index, part in enumerate(parts):
        if isinstance(part, dict) and part.get("kind") == "ConfigMap" and meta(part, "name") == names.CONFIG_MAP:
            return index + 1
        if isinstance(part, str) and "\nkind: ConfigMap\n" in part and f"name: {names.CONFIG_MAP}\n" in part:
            return index + 1
    raise CliError(f"the manifests have no ConfigMap {names.CONFIG_MAP}")

"""A container's environment: values, references, ConfigMaps, Secrets, and $(NAME) expansion. PURE.

Order as in kubelet: envFrom first, then env; a later name wins; $(NAME) sees what came before it, and stays as written
where nothing of that name did; $$ is an escaped dollar sign.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig, dig_list, dig_map
from linkerd_sandbox.kubelet.quantity import divided

_REFERENCE: Final = re.compile(r"\$(?:\$|\(([^()\s]+)\))")
_KEYED: Final = re.compile(r"metadata\.(annotations|labels)\['([^']+)'\]")


class ConfigError(Exception):
    """The container cannot be made as it is written; kubelet shows CreateContainerConfigError."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What references are looked up in. The look-ups give None for what does not exist."""

    pod: JsonObject
    pod_ips: tuple[str, ...]
    node_name: str
    node_ips: tuple[str, ...]
    node_cpus: int
    node_memory: int
    config_map: Callable[[str], JsonObject | None]
    secret: Callable[[str], JsonObject | None]

    @property
    def pod_ip(self) -> str:
        return self.pod_ips[0]


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replaces $(NAME) by its value."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(1)
        if name is None:
            return "$"
        return values.get(name, match.group(0))

    return _REFERENCE.sub(replace, text)


def field_value(path: str, sources: Sources) -> str:
    """The value of a fieldRef path. Raises ConfigError for a path that the downward API does not have."""
    pod = sources.pod
    if keyed := _KEYED.fullmatch(path):
        return str(dig_map(pod, "metadata", keyed.group(1)).get(keyed.group(2), ""))
    if path in ("metadata.labels", "metadata.annotations"):
        items = dig_map(pod, *path.split("."))
        return "\n".join(f'{key}="{_quoted(str(value))}"' for key, value in sorted(items.items()))
    direct: dict[str, Callable[[], str]] = {
        "metadata.name": lambda: str(dig(pod, "metadata", "name")),
        "metadata.namespace": lambda: str(dig(pod, "metadata", "namespace")),
        "metadata.uid": lambda: str(dig(pod, "metadata", "uid")),
        "spec.nodeName": lambda: sources.node_name,
        "spec.serviceAccountName": lambda: str(dig(pod, "spec", "serviceAccountName") or "default"),
        "status.podIP": lambda: sources.pod_ip,
        "status.podIPs": lambda: ",".join(sources.pod_ips),
        "status.hostIP": lambda: sources.node_ips[0],
        "status.hostIPs": lambda: ",".join(sources.node_ips),
    }
    if path not in direct:
        raise ConfigError(f"fieldPath {path!r} is not supported")
    return direct[path]()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_value(reference: JsonObject, container: JsonObject, sources: Sources) -> str:
    """The value of a resourceFieldRef; without a limit, what the node has. Raises ConfigError."""
    if name := reference.get("containerName"):
        everyone = [*dig_list(sources.pod, "spec", "containers"), *dig_list(sources.pod, "spec", "initContainers")]
        container = next((one for one in everyone if one["name"] == name), {})
    field = str(reference.get("resource", ""))
    kind, _, resource = field.partition(".")
    value = dig(container, "resources", kind, resource)
    if value is None:
        fallback = {"cpu": str(sources.node_cpus), "memory": str(sources.node_memory)}.get(resource, "0")
        value = fallback if kind == "limits" else "0"
    try:
        return str(divided(str(value), str(reference.get("divisor") or "1")))
    except ValueError as error:
        raise ConfigError(f"resourceFieldRef {field}: {error}") from None


def _key_value(reference: JsonObject, kind: str, lookup: Callable[[str], JsonObject | None]) -> str | None:
    name, key = str(reference.get("name", "")), str(reference.get("key", ""))
    found = lookup(name)
    data = data_of(found) if found is not None else None
    if data is not None and key in data:
        return data[key].decode("utf-8", "replace")
    if reference.get("optional"):
        return None
    if data is None:
        raise ConfigError(f'{kind} "{name}" not found')
    raise ConfigError(f"couldn't find key {key} in {kind} {name}")


def data_of(obj: JsonObject) -> dict[str, bytes]:
    """The files of a ConfigMap or Secret."""
    if obj.get("kind") == "Secret" or "stringData" in obj or "type" in obj:
        return {key: base64.b64decode(value) for key, value in dig_map(obj, "data").items()}
    data = {key: str(value).encode() for key, value in dig_map(obj, "data").items()}
    return data | {key: base64.b64decode(value) for key, value in dig_map(obj, "binaryData").items()}


def _one(entry: JsonObject, container: JsonObject, sources: Sources, values: Mapping[str, str]) -> str | None:
    source = dig_map(entry, "valueFrom")
    if not source:
        return expand(str(entry.get("value") or ""), values)
    if reference := source.get("fieldRef"):
        return field_value(str(reference.get("fieldPath", "")), sources)
    if reference := source.get("resourceFieldRef"):
        return resource_value(reference, container, sources)
    if reference := source.get("configMapKeyRef"):
        return _key_value(reference, "configmap", sources.config_map)
    if reference := source.get("secretKeyRef"):
        return _key_value(reference, "secret", sources.secret)
    raise ConfigError(f"environment variable {entry.get('name')}: valueFrom {', '.join(source)} is not supported")


def _from_all(entry: JsonObject, sources: Sources) -> dict[str, str]:
    prefix = str(entry.get("prefix") or "")
    kinds = (("configMapRef", "configmap", sources.config_map), ("secretRef", "secret", sources.secret))
    for key, kind, lookup in kinds:
        if reference := entry.get(key):
            found = lookup(str(reference.get("name", "")))
            if found is None and not reference.get("optional"):
                raise ConfigError(f'{kind} "{reference.get("name")}" not found')
            data = data_of(found) if found is not None else {}
            return {prefix + name: value.decode("utf-8", "replace") for name, value in data.items()}
    return {}


def build(container: JsonObject, base: Mapping[str, str], sources: Sources) -> dict[str, str]:
    """The whole environment: `base` (the image's), envFrom, env. Raises ConfigError."""
    values = dict(base)
    for entry in dig_list(container, "envFrom"):
        values |= _from_all(entry, sources)
    for entry in dig_list(container, "env"):
        value = _one(entry, container, sources, values)
        if value is not None:
            values[str(entry["name"])] = value
    return values

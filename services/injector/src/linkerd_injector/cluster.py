"""What the injector knows of the cluster: trust bundle, values, namespaces' annotations, the server's version.

Watched through the API, never mounted. While bundle, values or version are unknown there is no configuration, and
`/ready` says which is lacking; a bad change is logged and the last good one stays.
"""

import asyncio
import logging
import re

import msgspec

from linkerd_contract import names
from linkerd_kube import ApiError, JsonObject, KubeClient, NotFound, Reflector
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CONFIG_MAPS, NAMESPACES
from linkerd_rules.injection import InjectConfig, from_values
from linkerd_runtime import pki
from linkerd_runtime.health import Readiness
from linkerd_runtime.values import parse_values

log = logging.getLogger(__name__)

LACKS_VERSION = "version of the Kubernetes API server"
LACKS_BUNDLE = f"trust bundle in ConfigMap {names.TRUST_ROOTS_CONFIG_MAP}"
LACKS_VALUES = f"values in ConfigMap {names.CONFIG_MAP}"
LACKS_NAMESPACES = "list of namespaces"

_NATIVE_SINCE = (1, 29)
"""Native sidecars are on by default from this Kubernetes version."""
_RETRY_SECONDS = 2.0


class Metadata(msgspec.Struct, frozen=True):
    """What is kept of a namespace."""

    name: str = ""
    annotations: dict[str, str] | None = None


class Namespace(msgspec.Struct, frozen=True):
    """A namespace."""

    metadata: Metadata = Metadata()


_namespace = msgspec.json.Decoder(Namespace)


class _Namespaces:
    """A Reflector's handler: annotations by namespace."""

    def __init__(self, readiness: Readiness) -> None:
        self.annotations: dict[str, dict[str, str]] = {}
        self._readiness = readiness

    def on_listed(self, namespaces: list[Namespace], /) -> None:
        self.annotations = {n.metadata.name: n.metadata.annotations or {} for n in namespaces}
        self._readiness.has(LACKS_NAMESPACES)

    def on_applied(self, namespace: Namespace, /) -> None:
        self.annotations[namespace.metadata.name] = namespace.metadata.annotations or {}

    def on_deleted(self, namespace: Namespace, /) -> None:
        self.annotations.pop(namespace.metadata.name, None)


class _One:
    """A Reflector's handler for a single ConfigMap: one key's text, None where it is not there."""

    def __init__(self, view: "ClusterView", key: str) -> None:
        self.text: str | None = None
        self._view = view
        self._key = key

    def on_listed(self, objects: list[JsonObject], /) -> None:
        self._take(objects[0] if objects else None)

    def on_applied(self, obj: JsonObject, /) -> None:
        self._take(obj)

    def on_deleted(self, _obj: JsonObject, /) -> None:
        self._take(None)

    def _take(self, obj: JsonObject | None) -> None:
        text = ((obj or {}).get("data") or {}).get(self._key)
        if isinstance(text, str) and text.strip():
            self.text = text
            self._view.changed()
        elif self.text is not None:
            log.warning("%s is gone; the last one stays in use", self._key)


class ClusterView:
    """`config` is what to inject with, None while something is lacking."""

    def __init__(self, client: KubeClient, namespace: str, readiness: Readiness) -> None:
        self.config: InjectConfig | None = None
        self._client = client
        self._namespace = namespace
        self._readiness = readiness
        self._native: bool | None = None
        self._bundle = _One(self, names.TRUST_ROOTS_KEY)
        self._values = _One(self, "values")
        self._namespaces = _Namespaces(readiness)
        for reason in (LACKS_VERSION, LACKS_BUNDLE, LACKS_VALUES, LACKS_NAMESPACES):
            readiness.lacks(reason)

    def reflectors(self) -> list[Reflector[JsonObject] | Reflector[Namespace]]:
        """The watches that have to run."""
        return [
            self._config_map(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP, self._bundle),
            self._config_map(CONFIG_MAPS, names.CONFIG_MAP, self._values),
            Reflector(self._client, NAMESPACES, self._namespaces, decode=_namespace.decode),
        ]

    async def read_version(self) -> None:
        """Ask for the server's version until it answers."""
        while self._native is None:
            try:
                answer = await self._client.get("/version")
                version = parse_version(str(answer.get("gitVersion", "")))
                self._native = version >= _NATIVE_SINCE
                log.info("Kubernetes %s.%s: %s sidecars", *version, "native" if self._native else "classic")
            except (ApiError, ValueError) as error:
                log.warning("cannot read the API server's version: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
        self._readiness.has(LACKS_VERSION)
        self.changed()

    async def annotations_of(self, namespace: str) -> dict[str, str]:
        """A namespace's annotations; one that the watch has not brought yet is asked for. Raises ApiError."""
        known = self._namespaces.annotations.get(namespace)
        if known is not None:
            return known
        try:
            found = await self._client.get(NAMESPACES.path(name=namespace))
        except NotFound:
            return {}
        annotations = (found.get("metadata") or {}).get("annotations") or {}
        return {str(key): str(value) for key, value in annotations.items()}

    def changed(self) -> None:
        """Something was read: put the configuration together again."""
        bundle = self._good_bundle()
        values = self._good_values()
        if bundle is None or values is None or self._native is None:
            return
        config, warnings = from_values(
            values, trust_anchors=bundle, control_plane_namespace=self._namespace, native_sidecars=self._native
        )
        for warning in warnings:
            log.warning("ConfigMap %s: %s; the default is used", names.CONFIG_MAP, warning)
        if config != self.config:
            log.info("configuration read: proxy %s:%s", config.proxy.image, config.proxy.version)
        self.config = config

    def _good_bundle(self) -> str | None:
        if self._bundle.text is None:
            return None
        try:
            certificates = pki.read_certificates(self._bundle.text)
        except ValueError as error:
            log.warning("the trust bundle cannot be read: %s", error)
            return None if self.config is None else self.config.trust_anchors
        self._readiness.has(LACKS_BUNDLE)
        return pki.pem(*certificates)

    def _good_values(self) -> dict[str, object] | None:
        if self._values.text is None:
            return None
        try:
            values = parse_values(self._values.text)
        except ValueError as error:
            log.warning("the values of ConfigMap %s cannot be read: %s", names.CONFIG_MAP, error)
            return None
        self._readiness.has(LACKS_VALUES)
        return values

    def _config_map(self, resource: Resource, name: str, handler: _One) -> Reflector[JsonObject]:
        return Reflector(
            self._client, resource, handler, namespace=self._namespace, field_selector=f"metadata.name={name}"
        )


def parse_version(git_version: str) -> tuple[int, int]:
    """(1, 29) of "v1.29.3+k3s1". Raises ValueError."""
    match = re.match(r"v?(\d+)\.(\d+)", git_version, re.ASCII)
    if match is None:
        raise ValueError(f"{git_version!r} is not a version")
    return int(match[1]), int(match[2])

"""A client of an older API server for callers that know today's versions only.

Before 1.21 EndpointSlices, CronJobs and PodDisruptionBudgets are served as v1beta1: paths and apiVersions are
translated, and the zone of an endpoint, which was one of its topology labels.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import aiohttp
import msgspec

from linkerd_kube.client import KubeClient, Params, RawPage
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.fields import dig_list, dig_map

_GROUPS: Final = ("discovery.k8s.io", "batch", "policy")
_MOVED: Final = ("endpointslices", "cronjobs", "poddisruptionbudgets")
_ZONE: Final = "topology.kubernetes.io/zone"
LAST_OLD_MINOR: Final = 20
"""The last 1.x release that serves these kinds as v1beta1 only."""


def path_of(path: str) -> str:
    """The path at the older server."""
    parts = path.split("/")
    moved = len(parts) > 4 and parts[1] == "apis" and parts[2] in _GROUPS and parts[3] == "v1"
    if moved and any(part in _MOVED for part in parts[4:7]):
        parts[3] = "v1beta1"
    return "/".join(parts)


def older(body: object) -> object:
    """An object as the older server knows it."""
    if not isinstance(body, dict):
        return body
    changed = dict(body)
    group, _, version = str(body.get("apiVersion", "")).rpartition("/")
    if group in _GROUPS and version == "v1" and f"{body.get('kind', '')}s".lower() in _MOVED:
        changed["apiVersion"] = f"{group}/v1beta1"
    if isinstance(body.get("endpoints"), list):
        changed["endpoints"] = [_endpoint(one) for one in body["endpoints"]]
    return changed


def _endpoint(endpoint: JsonObject) -> JsonObject:
    kept = {key: value for key, value in endpoint.items() if key != "zone"}
    return {**kept, "topology": {_ZONE: endpoint["zone"]}} if "zone" in endpoint else kept


def newer(body: JsonObject) -> JsonObject:
    """An object of the older server as today's callers know it."""
    changed = dict(body)
    group, _, version = str(body.get("apiVersion", "")).rpartition("/")
    if group in _GROUPS and version == "v1beta1":
        changed["apiVersion"] = f"{group}/v1"
    if dig_list(body, "endpoints"):
        changed["endpoints"] = [_newer_endpoint(one) for one in body["endpoints"]]
    return changed


def _newer_endpoint(endpoint: JsonObject) -> JsonObject:
    kept = {key: value for key, value in endpoint.items() if key != "topology"}
    zone = dig_map(endpoint, "topology").get(_ZONE)
    return {**kept, "zone": zone} if zone else kept


class OlderClient(KubeClient):
    """Speaks v1beta1 to the server where today's version is v1."""

    async def _json(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> JsonObject:
        answer = await super()._json(method, path, params=params, body=older(body), content_type=content_type)
        return newer(answer)

    @contextlib.asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        params: Params | None,
        timeout: aiohttp.ClientTimeout,
        data: bytes | None = None,
        content_type: str | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        opened = super()._open(
            method, path_of(path), params=params, timeout=timeout, data=data, content_type=content_type
        )
        async with opened as response:
            yield response

    async def list_raw(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
    ) -> AsyncIterator[RawPage]:
        """As KubeClient's, objects in today's form."""
        pages = super().list_raw(
            resource, namespace, label_selector=label_selector, field_selector=field_selector, limit=limit
        )
        async for page in pages:
            if resource.plural in _MOVED:
                yield RawPage([msgspec.Raw(_again(raw, newer)) for raw in page.items], page.resource_version)
            else:
                yield page

    async def watch_raw(
        self,
        resource: Resource,
        namespace: str | None,
        resource_version: str,
        *,
        label_selector: str = "",
        field_selector: str = "",
        timeout_seconds: int = 300,
    ) -> AsyncIterator[bytes]:
        """As KubeClient's, objects in today's form."""
        lines = super().watch_raw(
            resource,
            namespace,
            resource_version,
            label_selector=label_selector,
            field_selector=field_selector,
            timeout_seconds=timeout_seconds,
        )
        async for line in lines:
            yield _again(line, _event) if resource.plural in _MOVED else line


def _event(event: JsonObject) -> JsonObject:
    return {**event, "object": newer(dig_map(event, "object"))}


def _again(raw: bytes | msgspec.Raw, how: Callable[[JsonObject], JsonObject]) -> bytes:
    return msgspec.json.encode(how(msgspec.json.decode(raw, type=JsonObject)))

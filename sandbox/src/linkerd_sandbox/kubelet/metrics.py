"""metrics.k8s.io for `kubectl top`: an aggregated API server as metrics-server is one, in this process.

It learns who may call it from ConfigMap kube-system/extension-apiserver-authentication, and what runs from the kubelet.
Nothing is measured while nobody asks: the first question takes two samples a second apart, a later one compares with
the sample of the question before. Authorization is the API server's, which has checked the path.
"""

import asyncio
import base64
import datetime
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import AlreadyExists, ApiError
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import API_SERVICES, CONFIG_MAPS, ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from linkerd_runtime.bad_requests import guard
from linkerd_sandbox.apiserver.certificates import Authority, server_context
from linkerd_sandbox.kubelet import usage
from linkerd_sandbox.kubelet.agent import Kubelet
from linkerd_sandbox.kubelet.pod import Pod
from linkerd_sandbox.kubelet.usage import Sum

PORT: Final = 10251
_NAME: Final = "metrics-server"
_NAMESPACE: Final = "kube-system"
_API: Final = "metrics.k8s.io/v1beta1"
_SHORTEST_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 60.0
"""A sample older than this says nothing about now."""


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU time and memory by pid namespace, at a moment (monotonic seconds)."""

    at: float
    sums: dict[str, Sum]


class Sampler:
    """Pairs of samples at least a second apart."""

    def __init__(self, read: Callable[[], dict[str, Sum]], sleep: Callable[[float], "asyncio.Future[None]"]) -> None:
        self._read = read
        self._sleep = sleep
        self._last: Sample | None = None
        self._pair: tuple[Sample, Sample] | None = None

    async def pair(self, now: Callable[[], float]) -> tuple[Sample, Sample]:
        """(before, after); who asks again within a second gets the same pair."""
        if self._pair is not None and now() - self._pair[1].at < _SHORTEST_SECONDS:
            return self._pair
        before = self._last
        if before is None or now() - before.at > _LONGEST_SECONDS:
            before = Sample(now(), self._read())
        if (wait := before.at + _SHORTEST_SECONDS - now()) > 0:
            await self._sleep(wait)
        self._last = Sample(now(), self._read())
        self._pair = (before, self._last)
        return self._pair


def container_usage(namespace: str, before: Sample, after: Sample) -> JsonObject:
    """`usage` of a container: mean CPU over the window in nanocores, memory in KiB. PURE."""
    new, old = after.sums.get(namespace, Sum()), before.sums.get(namespace, Sum())
    cores = max(new.cpu_seconds - old.cpu_seconds, 0.0) / max(after.at - before.at, 1e-9)
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{new.memory_bytes // 1024}Ki"}


class MetricsServer:
    """Serves the API and registers it."""

    def __init__(self, client: KubeClient, kubelet: Kubelet, host: str, directory: Path) -> None:
        self._client = client
        self._kubelet = kubelet
        self._host = host
        self._directory = directory

        def read() -> dict[str, Sum]:
            return usage.by_namespace(memory=True)

        self._sampler = Sampler(read, lambda seconds: asyncio.ensure_future(asyncio.sleep(seconds)))

    async def run(self) -> None:
        """Forever."""
        host = f"{_NAME}.{_NAMESPACE}.svc"
        authority = Authority("metrics-server-ca")
        certificate, key = self._directory / "metrics.crt", self._directory / "metrics.key"
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority.issue(_NAME, [host], certificate, key)
        context = server_context(certificate, key)
        config = await self._client.get(CONFIG_MAPS.path(_NAMESPACE, "extension-apiserver-authentication"))
        context.load_verify_locations(cadata=str(config["data"]["requestheader-client-ca-file"]))
        context.verify_mode = ssl.CERT_REQUIRED  # only the API server may say who asks
        runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        await runner.setup()
        guard(runner.server)
        try:
            await web.TCPSite(runner, self._host, PORT, ssl_context=context).start()
            await self._register(authority.pem)
            await asyncio.get_running_loop().create_future()
        finally:
            await runner.cleanup()

    async def _register(self, authority: str) -> None:
        for path, body in registration(self._host, authority):
            try:
                await self._client.create(path, body)
            except AlreadyExists:
                continue

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await self._answer(request.path.removeprefix(f"/apis/{_API}").strip("/").split("/"), request)
        except ApiError as error:
            return web.json_response(_status(error.status or 500, str(error)), status=error.status or 500)
        if body is None:
            return web.json_response(_status(404, "the server could not find the metric"), status=404)
        return web.json_response(body)

    async def _answer(self, path: list[str], request: web.BaseRequest) -> JsonObject | None:
        chosen = {key: request.query[key] for key in ("labelSelector", "fieldSelector") if key in request.query}
        match path:
            case [""]:
                return resource_list()
            case ["nodes", *name]:
                found = await self._client.get(NODES.path(), chosen)
                items = [await self._node(one) for one in found["items"] if name in ([], [one["metadata"]["name"]])]
                return _shown("NodeMetrics", items, bool(name))
            case ["pods"] | ["namespaces", _, "pods"] | ["namespaces", _, "pods", _]:
                namespace = path[1] if len(path) > 1 else ""
                found = await self._client.get(PODS.path(namespace), chosen)
                wanted = [one for one in found["items"] if path[3:] in ([], [one["metadata"]["name"]])]
                return _shown("PodMetrics", await self._pods(wanted), len(path) == 4)
        return None

    async def _pods(self, objects: list[JsonObject]) -> list[JsonObject]:
        before, after = await self._sampler.pair(time.monotonic)
        running = {pod.uid: pod for pod in self._kubelet.pods.values()}
        found = [(one, running.get(str(one["metadata"]["uid"]))) for one in objects]
        shown = ((one, _containers(pod, before, after)) for one, pod in found if pod)
        return [_metrics("PodMetrics", one, before, after, containers) for one, containers in shown if containers]

    async def _node(self, node: JsonObject) -> JsonObject:
        before, after = await self._sampler.pair(time.monotonic)

        def whole(sample: Sample) -> Sample:
            every = sample.sums.values()
            return Sample(sample.at, {"": Sum(sum(s.cpu_seconds for s in every), sum(s.memory_bytes for s in every))})

        body = _metrics("NodeMetrics", node, before, after, None)
        return body | {"usage": container_usage("", whole(before), whole(after))}


def _containers(pod: Pod, before: Sample, after: Sample) -> list[JsonObject]:
    """One that shares another's processes (`kubectl debug --target`) is counted with that one."""
    found: dict[str, JsonObject] = {}
    for name, container in pod.containers.items():
        if container.process is not None and (namespace := usage.namespace_of(container.process.pid)):
            found.setdefault(namespace, {"name": name, "usage": container_usage(namespace, before, after)})
    return list(found.values())


def _metrics(
    kind: str, obj: JsonObject, before: Sample, after: Sample, containers: list[JsonObject] | None
) -> JsonObject:
    meta = {key: obj["metadata"][key] for key in ("name", "namespace", "labels") if key in obj["metadata"]}
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    body: JsonObject = {
        "kind": kind,
        "apiVersion": _API,
        "metadata": meta | {"creationTimestamp": now},
        "timestamp": now,
        "window": f"{after.at - before.at:.3f}s",
    }
    return body if containers is None else body | {"containers": containers}


def _shown(kind: str, items: list[JsonObject], single: bool) -> JsonObject | None:
    if single:
        return items[0] if items else None
    return {"kind": f"{kind}List", "apiVersion": _API, "metadata": {}, "items": items}


def _status(code: int, message: str) -> JsonObject:
    reason = {404: "NotFound"}.get(code, "InternalError")
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return head | {"message": message, "reason": reason, "code": code}


def resource_list() -> JsonObject:
    """Discovery of the group-version. PURE."""
    kinds = (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
    resources = [
        {"name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": ["get", "list"]}
        for name, kind, namespaced in kinds
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": _API, "resources": resources}


def registration(host: str, authority: str) -> list[tuple[str, JsonObject]]:
    """(path, object) of Service, EndpointSlice, Endpoints and APIService. PURE.

    Both kinds of endpoints: a real kube-apiserver looks for those of an APIService in the older one.
    """
    labels = {"k8s-app": _NAME}
    meta: JsonObject = {"name": _NAME, "namespace": _NAMESPACE, "labels": labels}
    port: JsonObject = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": PORT}
    service: JsonObject = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [port]}}
    slice_: JsonObject = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta | {"labels": labels | {"kubernetes.io/service-name": _NAME}},
        "addressType": "IPv6" if ":" in host else "IPv4",
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": PORT, "protocol": "TCP"}],
    }
    endpoints: JsonObject = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": meta,
        "subsets": [{"addresses": [{"ip": host}], "ports": slice_["ports"]}],
    }
    spec: JsonObject = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": _NAME, "namespace": _NAMESPACE, "port": 443},
        "caBundle": base64.b64encode(authority.encode()).decode(),
    }
    api_service: JsonObject = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io", "labels": labels},
        "spec": spec,
    }
    return [
        (SERVICES.path(_NAMESPACE), service),
        (ENDPOINT_SLICES.path(_NAMESPACE), slice_),
        (ENDPOINTS.path(_NAMESPACE), endpoints),
        (API_SERVICES.path(), api_service),
    ]

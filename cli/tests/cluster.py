"""A small Kubernetes API over real sockets: objects, label selectors, access reviews, port-forward to local ports."""

import asyncio
import contextlib
import copy
import functools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import aiohttp
from aiohttp import web

from linkerd_cli.documents import load
from linkerd_cli.install.rendered import CONTROL_PLANE, VIZ, documents
from linkerd_runtime.process import serve
from linkerd_testkit.kube import FakeKube, Obj

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
EXTENSION_AUTHENTICATION = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
_PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Secret": "/api/v1/namespaces/{}/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "MutatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
}


@functools.cache
def _objects(manifest: str) -> list[Obj]:
    return [cast(Obj, load(document)) for document in documents(manifest)]


@dataclass
class Cluster(FakeKube):
    """FakeKube, and what the CLI needs beyond it."""

    denied: set[str] = field(default_factory=set)
    """Resources that nobody may touch."""
    forwards: dict[tuple[str, int], int] = field(default_factory=dict)
    """(pod's name, its port) -> local port."""

    def install(self, manifest: str = CONTROL_PLANE) -> None:
        """Store what `linkerd install` (or `viz install`) prints."""
        for obj in copy.deepcopy(_objects(manifest)):
            meta = obj["metadata"]
            self.put(_PLURALS[obj["kind"]].format(meta.get("namespace")) + "/" + meta["name"], obj)

    def install_viz(self) -> None:
        """The same for viz."""
        self.install(VIZ)
        registration = _PLURALS["APIService"] + "/v1alpha1.tap.linkerd.io"
        available = {"conditions": [{"type": "Available", "status": "True"}]}
        self.put(registration, {**self.objects[registration], "status": available})

    def add_pod(self, namespace: str, name: str, labels: dict[str, str], **more: Obj) -> Obj:
        """A ready pod."""
        return self.put(
            f"/api/v1/namespaces/{namespace}/pods/{name}",
            {
                "metadata": {"labels": labels, **more.get("metadata", {})},
                "spec": more.get("spec", {"containers": [{"name": "app"}]}),
                "status": {
                    "phase": "Running",
                    "podIP": "10.42.0.9",
                    "conditions": [{"type": "Ready", "status": "True"}],
                    **more.get("status", {}),
                },
            },
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Every request."""
        if request.path.endswith("/portforward"):
            return await self._forward(request)
        if request.path == _REVIEWS:
            body = await request.json()
            attributes = body["spec"]["resourceAttributes"]
            body["status"] = {"allowed": attributes["resource"] not in self.denied}
            return web.json_response(body, status=201)
        response = await super().handle(request)
        if request.method == "GET" and isinstance(response, web.Response) and request.query.get("labelSelector"):
            return _select(response, request.query["labelSelector"])
        return response

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        pod, port = request.path.split("/")[-2], int(request.query["ports"])
        if request.path.removesuffix("/portforward") not in self.objects:
            status = {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}
            return web.json_response(status | {"message": f'pods "{pod}" not found'}, status=404)
        websocket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await websocket.prepare(request)
        for channel in (0, 1):
            await websocket.send_bytes(bytes((channel,)) + port.to_bytes(2, "little"))
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.forwards[pod, port])
        except (KeyError, OSError):
            await websocket.send_bytes(b"\x01connection refused")
            await websocket.close()
            return websocket
        down = asyncio.create_task(_down(reader, websocket))
        async for message in websocket:
            if message.type is aiohttp.WSMsgType.BINARY and message.data[0] == 0:
                writer.write(message.data[1:])
        writer.close()
        down.cancel()
        await asyncio.gather(down, return_exceptions=True)
        return websocket


async def _down(reader: asyncio.StreamReader, websocket: web.WebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            await websocket.send_bytes(b"\x00" + data)
        await websocket.close()


def _select(response: web.Response, selector: str) -> web.Response:
    assert isinstance(response.body, bytes)
    document = json.loads(response.body)
    for term in selector.split(",") if "items" in document else ():
        key, equals, value = term.partition("=")
        document["items"] = [
            item
            for item in document["items"]
            if key in (labels := item["metadata"].get("labels") or {}) and (not equals or labels[key] == value)
        ]
    return web.json_response(document, status=response.status)


@asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """`async with cluster() as kube:`; `kube.url` is its address."""
    kube = Cluster()
    kube.put(EXTENSION_AUTHENTICATION, {"data": {"requestheader-client-ca-file": "PEM"}})
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", kube.handle)
    runner = await serve(app, "127.0.0.1", 0)
    kube.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield kube
    finally:
        kube.close_watches()
        await runner.cleanup()

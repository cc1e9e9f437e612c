"""An injector beside a fake Kubernetes API, and reviews sent to it as the API server sends them: over TLS."""

import asyncio
import json
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import jsonpatch

from linkerd_injector.app import InjectorService
from linkerd_injector.settings import Settings
from linkerd_kube import KubeClient
from linkerd_runtime import pki
from linkerd_runtime.process import Stop
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

Obj = dict[str, Any]

HOOKS = "/apis/admissionregistration.k8s.io/v1"
MUTATING = f"{HOOKS}/mutatingwebhookconfigurations/linkerd-proxy-injector-webhook-config"
VALIDATING = f"{HOOKS}/validatingwebhookconfigurations/linkerd-sp-validator-webhook-config"
SECRET = "/api/v1/namespaces/linkerd/secrets/linkerd-proxy-injector-k8s-tls"
CONFIG_MAPS = "/api/v1/namespaces/linkerd/configmaps"
BUNDLE = f"{CONFIG_MAPS}/linkerd-identity-trust-roots"
VALUES = f"{CONFIG_MAPS}/linkerd-config"
HOST = "linkerd-proxy-injector.linkerd.svc"


def webhook(service: str) -> Obj:
    return {
        "webhooks": [
            {"name": "another.example.com", "clientConfig": {"service": {"name": "other", "namespace": "linkerd"}}},
            {"name": f"{service}.linkerd.io", "clientConfig": {"service": {"name": service, "namespace": "linkerd"}}},
        ]
    }


def bundle() -> str:
    now = datetime.now(UTC)
    return pki.make_ca("root.linkerd.cluster.local", pki.Validity(now, now + timedelta(days=1))).certificate_pem


def seed(kube: FakeKube) -> None:
    """Everything that the injector needs, and the namespace emojivoto with a Deployment's ReplicaSet."""
    kube.put(MUTATING, webhook("linkerd-proxy-injector"))
    kube.put(VALIDATING, webhook("linkerd-sp-validator"))
    kube.put(BUNDLE, {"data": {"ca-bundle.crt": bundle()}})
    kube.put(VALUES, {"data": {"values": json.dumps({"linkerdVersion": "0.1.0"})}})
    kube.put("/api/v1/namespaces/emojivoto", {"metadata": {"annotations": {"linkerd.io/inject": "enabled"}}})
    kube.put("/api/v1/namespaces/plain", {})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "web-uid", "controller": True}
    kube.put("/apis/apps/v1/namespaces/emojivoto/replicasets/web-1", {"metadata": {"ownerReferences": [owner]}})


def pod(**annotations: str) -> Obj:
    """A pod of Deployment web, as its ReplicaSet creates it."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "rs-uid", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "web-1-", "ownerReferences": [owner], "annotations": dict(annotations)},
        "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 8080}]}]},
    }


def review(obj: Obj, namespace: str = "emojivoto", version: str = "v1", **request: object) -> Obj:
    """An AdmissionReview of a CREATE."""
    kind = {"group": "", "version": "v1", "kind": obj.get("kind", "")}
    return {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "request": {
            "uid": "a-uid",
            "kind": kind,
            "operation": "CREATE",
            "namespace": namespace,
            "object": obj,
            **request,
        },
    }


def patched(obj: Obj, response: Obj) -> Obj:
    """The object with the response's patch applied."""
    assert response["patchType"] == "JSONPatch"
    result: Obj = jsonpatch.apply_patch(obj, json.loads(b64decode(response["patch"])))
    return result


class Running:
    """A replica, and the API server's side of it."""

    def __init__(self, kube: FakeKube, service: InjectorService, session: aiohttp.ClientSession) -> None:
        self.kube = kube
        self.service = service
        self.session = session

    def ca(self) -> str:
        """What the API server trusts."""
        return b64decode(self.kube.objects[MUTATING]["webhooks"][1]["clientConfig"]["caBundle"]).decode()

    async def ready(self) -> None:
        await eventually(lambda: self.service.readiness.ready, what="ready")

    async def post(self, body: bytes, path: str = "/") -> tuple[int, bytes]:
        context = ssl.create_default_context(cadata=self.ca())
        url = f"https://127.0.0.1:{self.service.port}{path}"
        async with self.session.post(url, data=body, ssl=context, server_hostname=HOST) as response:
            return response.status, await response.read()

    async def ask(self, document: Obj) -> Obj:
        """The response of a review."""
        status, body = await self.post(json.dumps(document).encode())
        assert status == 200, body
        answer: Obj = json.loads(body)
        assert answer["kind"] == "AdmissionReview"
        assert answer["apiVersion"] == document["apiVersion"]
        assert answer["response"]["uid"] == document["request"]["uid"]
        response: Obj = answer["response"]
        return response

    async def admin(self, path: str) -> tuple[int, str]:
        async with self.session.get(f"http://127.0.0.1:{self.service.admin_port}{path}") as response:
            return response.status, await response.text()


def settings(pod_name: str = "injector-0", **env: str) -> Settings:
    listen = {"LINKERD_LISTEN_ADDR": "127.0.0.1:0", "LINKERD_ADMIN_ADDR": "127.0.0.1:0"}
    return Settings.from_env({**listen, "POD_NAME": pod_name, **env})


@asynccontextmanager
async def running(kube: FakeKube, config: Settings | None = None) -> AsyncIterator[Running]:
    """One replica, until the end of the block."""
    async with aiohttp.ClientSession() as session:
        service = InjectorService(config or settings(), KubeClient(kube.url, session))
        stop = Stop()
        work = asyncio.ensure_future(service.run(stop))
        try:
            await eventually(lambda: service.admin_port or work.done(), what="the admin server")
            yield Running(kube, service, session)
            assert not stop.failed
        finally:
            stop.request()
            await work
            await stop.close()

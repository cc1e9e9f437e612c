"""A destination process inside the test, and proxies that talk to it over real TLS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from libs.kube.tests.fake_api import FakeApi, Obj

from linkerd_contract.codec import encode
from linkerd_contract.names import identity_name
from linkerd_contract.watch import Hello, Known, Unwatch, Watch, WatchKind
from linkerd_destination.app import Application
from linkerd_destination.settings import Settings
from linkerd_destination.watch.custom import KINDS
from linkerd_runtime import tls
from linkerd_runtime.process import Stop, supervise
from linkerd_testkit.certs import Authority, Leaf
from linkerd_testkit.ports import eventually, free_port

COLLECTIONS = {
    "Pod": "/api/v1/pods",
    "Service": "/api/v1/services",
    "Namespace": "/api/v1/namespaces",
    "ConfigMap": "/api/v1/configmaps",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/endpointslices",
}
SERVER_NAME = identity_name("linkerd-destination", "linkerd")


def put(api: FakeApi, text: str) -> list[Obj]:
    """Apply YAML documents."""
    return [api.put(_collection(obj), obj) for obj in yaml.safe_load_all(text) if obj]


def _collection(obj: Obj) -> str:
    known = COLLECTIONS.get(obj["kind"])
    if known is not None:
        return known
    return next(
        k.resource.path()
        for k in KINDS
        if k.resource.api_version == obj["apiVersion"] and k.resource.kind == obj["kind"]
    )


class Proxy:
    """The test's end of one WebSocket."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket

    async def hello(self, workload: str, zone: str = "", known: list[Known] | None = None) -> None:
        await self.send(Hello(workload=workload, zone=zone, known=known or []))

    async def watch(self, ident: int, target: str) -> None:
        await self.send(Watch(id=ident, kind=WatchKind.outbound, target=target))

    async def watch_inbound(self, ident: int) -> None:
        await self.send(Watch(id=ident, kind=WatchKind.inbound))

    async def unwatch(self, ident: int) -> None:
        await self.send(Unwatch(id=ident))

    async def send(self, message: Hello | Watch | Unwatch) -> None:
        await self.websocket.send_str(encode(message).decode())

    async def receive(self) -> dict[str, Any]:
        message = await self.websocket.receive(timeout=30)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        read: dict[str, Any] = json.loads(message.data)
        return read

    async def closed(self) -> aiohttp.WSMessage:
        message = await self.websocket.receive(timeout=30)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
        return message


class Destination:
    """The application on free ports."""

    def __init__(self, api: FakeApi, identity_addr: str, authority: Authority, directory: Path) -> None:
        self.api = api
        self.authority = authority
        self._directory = directory
        (directory / "end-entity").mkdir()
        (directory / "token").write_text("a token")
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": api.url}}],
            "users": [{"name": "test", "user": {"token": "t"}}],
        }
        (directory / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
        self.environ = {
            "KUBECONFIG": str(directory / "kubeconfig"),
            "LINKERD_IDENTITY_ADDR": identity_addr,
            "LINKERD_IDENTITY_DIR": str(directory / "end-entity"),
            "LINKERD_TOKEN_FILE": str(directory / "token"),
            "LINKERD_LISTEN_ADDR": f"127.0.0.1:{free_port()}",
            "LINKERD_ADMIN_ADDR": f"127.0.0.1:{free_port()}",
            "LINKERD_DEBUG_ADDR": f"127.0.0.1:{free_port()}",
        }
        self.settings = Settings.read(self.environ)
        self.application = Application(self.settings)
        self._stop = Stop()
        self._task: asyncio.Task[int] | None = None
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._http = aiohttp.ClientSession()

        async def main(stop: Stop) -> None:
            await self.application.run(stop, self.environ)

        self._task = asyncio.create_task(supervise(main, self._stop))
        await eventually(self._listens)

    async def stop(self) -> None:
        assert self._task is not None
        assert self._http is not None
        await self._http.close()
        self._stop.request()
        assert await asyncio.wait_for(self._task, 30) == 0

    async def _listens(self) -> bool:
        try:
            return bool((await self.get(self.settings.admin.port, "/live"))[1])
        except OSError:
            return False

    async def get(self, port: int, path: str) -> tuple[int, str]:
        assert self._http is not None
        async with self._http.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, await response.text()

    async def reasons(self) -> str:
        return (await self.get(self.settings.admin.port, "/ready"))[1]

    async def debug(self, path: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((await self.get(self.settings.debug.port, path))[1])
        return read

    def publish_trust(self) -> None:
        roots = {"name": "linkerd-identity-trust-roots", "namespace": "linkerd"}
        self.api.put(
            COLLECTIONS["ConfigMap"],
            {"kind": "ConfigMap", "metadata": roots, "data": {"ca-bundle.crt": self.authority.anchors}},
        )

    async def ready(self) -> None:
        self.publish_trust()

        async def is_ready() -> bool:
            return await self.reasons() == "ready\n"

        await eventually(is_ready, what="readiness")

    @asynccontextmanager
    async def connect(self, leaf: Leaf | None) -> AsyncIterator[aiohttp.ClientSession]:
        paths: tuple[str, ...] = ()
        if leaf is not None:
            paths = tuple(map(str, leaf.write(self._directory / leaf.identity)))
        context = tls.client_context(self.authority.anchors, *paths)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            yield session

    @asynccontextmanager
    async def proxy(self, service_account: str, namespace: str) -> AsyncIterator[Proxy]:
        async with (
            self.connect(self.authority.workload(service_account, namespace)) as session,
            session.ws_connect(self.url, server_hostname=SERVER_NAME) as websocket,
        ):
            yield Proxy(websocket)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.settings.listen.port}/v1/watch"

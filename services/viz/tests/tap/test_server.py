"""The aggregated API as the API server's front proxy meets it: TLS, users, refusals, streams."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from services.viz.tests.mesh import emojivoto
from services.viz.tests.tap.world import FakeProxy, FrontProxy, asking, event, fake_proxy, mesh_client

from linkerd_contract import codec
from linkerd_contract.tap import TapEvent
from linkerd_contract.viz import TapQuery, tap_path
from linkerd_kube.client import KubeClient
from linkerd_runtime import tls
from linkerd_runtime.process import serve
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually
from linkerd_viz.inventory import Inventory, Pod
from linkerd_viz.tap.access import User
from linkerd_viz.tap.server import MAX_TAPS, TapApi
from linkerd_viz.tap.settings import from_env

QUERY = TapQuery("deployment", "emojivoto", "web")
PATH = tap_path(QUERY)
HOST = "tap.linkerd-viz.svc"


class World:
    """The API, its one proxy, and a way to ask. `may`: subresources that the user may watch."""

    def __init__(self, proxy: FakeProxy, context: ssl.SSLContext, port: int, http: aiohttp.ClientSession) -> None:
        self.proxy = proxy
        self.may = {"tap"}
        self.asked: list[tuple[str, ...]] = []
        self.inventory = _inventory()
        self.mesh: ssl.SSLContext | None = context
        self.allowed_names = frozenset({"front-proxy-client"})
        self.port = port
        self.http = http
        self.api: TapApi

    async def allowed(self, user: User, resource: str, namespace: str, name: str, subresource: str) -> bool:
        """A SubjectAccessReview."""
        self.asked.append((user.name, resource, namespace, name, subresource))
        return subresource in self.may

    async def post(
        self, body: bytes = codec.encode(QUERY), path: str = PATH, user: str = "jane"
    ) -> tuple[int, list[str], bytes]:
        """Status, warnings, body."""
        headers = {"X-Remote-User": user} if user else {}
        url = f"https://127.0.0.1:{self.port}{path}"
        async with self.http.post(url, data=body, headers=headers, server_hostname=HOST) as said:
            return said.status, said.headers.getall("Warning", []), await said.read()

    async def refusal(self, body: bytes = codec.encode(QUERY), path: str = PATH, user: str = "jane") -> tuple[int, str]:
        """Code and message of a Status."""
        status, _, body = await self.post(body, path, user)
        document: dict[str, Any] = json.loads(body)
        assert (document["kind"], document["code"]) == ("Status", status)
        return status, document["message"]


def _inventory() -> Inventory:
    inventory = emojivoto()
    inventory.pods[0] = _tappable(inventory.pods[0])
    return inventory


def _tappable(pod: Pod, name: str = "web-1-a") -> Pod:
    metadata = msgspec.structs.replace(pod.metadata, name=name, annotations={"viz.linkerd.io/tap-enabled": "true"})
    return msgspec.structs.replace(
        pod, metadata=metadata, status=msgspec.structs.replace(pod.status, pod_ip="127.0.0.1")
    )


@asynccontextmanager
async def tap_world(directory: Path, *, certificate: bool = True) -> AsyncIterator[World]:
    """Everything, running."""
    authority, front = Authority(), FrontProxy(directory)
    chain, key = authority.leaf(HOST).write(directory / "serving")
    context = tls.server_context(str(chain), str(key), front.ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    client = front.context(authority.anchors, certificate=certificate)
    async with fake_proxy(authority, directory) as proxy, asking(client) as http:
        world = World(proxy, mesh_client(authority, directory), 0, http)
        settings = from_env({"LINKERD_TAP_PORT": str(proxy.port)})
        world.api = TapApi(settings, lambda: world.inventory, world, world.allowed, lambda: world.mesh)
        runner = await serve(world.api.app(), "127.0.0.1", 0, context)
        world.port = runner.addresses[0][1]
        try:
            yield world
        finally:
            await runner.cleanup()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with tap_world(tmp_path) as running:
        yield running


async def test_events_come_with_names(world: World) -> None:
    status, warnings, body = await world.post()
    assert (status, warnings) == (200, [])
    (found,) = (codec.decode(line, TapEvent) for line in body.splitlines() if line)
    assert (found.source.metadata["deployment"], found.destination.metadata["deployment"]) == ("emoji", "web")
    assert (found.base, found.stream, found.request_init) == (1, 0, event().request_init)
    assert world.asked == [("jane", "deployments", "emojivoto", "web", "tap")]
    assert not world.proxy.asked[0].headers


async def test_a_rollout_is_followed(world: World) -> None:
    """The new pod joins; the old one leaves; when both are through, so is the tap."""
    world.proxy.hold = True
    headers = {"X-Remote-User": "jane"}
    url = f"https://127.0.0.1:{world.port}{PATH}"
    async with world.http.post(url, data=codec.encode(QUERY), headers=headers, server_hostname=HOST) as said:
        assert codec.decode(await said.content.readline(), TapEvent).base == 1
        world.inventory.pods.append(_tappable(world.inventory.pods[0], "web-1-b"))
        line = b"\n"
        while line == b"\n":
            line = await said.content.readline()
        assert codec.decode(line, TapEvent).base == 2
        assert [asked.max_rps for asked in world.proxy.asked] == [100, 50]
        del world.inventory.pods[0]
        world.proxy.leave.set()
        assert await said.content.read() == b""
    await eventually(lambda: world.api.running == 0, what="the end of the tap")


async def test_the_path_counts_and_not_the_body(world: World) -> None:
    await world.post(codec.encode(TapQuery("pod", "secret", "x")))
    assert world.asked == [("jane", "deployments", "emojivoto", "web", "tap")]
    status, _, _ = await world.post(path="/apis/tap.linkerd.io/v1alpha1/watch/namespaces/emojivoto/tap")
    assert (status, world.asked[-1]) == (200, ("jane", "namespaces", "emojivoto", "emojivoto", "tap"))


async def test_who_may_not(world: World) -> None:
    world.may = set()
    assert await world.refusal() == (
        403,
        'deployments.tap.linkerd.io "web" is forbidden: User "jane" cannot watch resource "deployments/tap" '
        'in API group "tap.linkerd.io" in the namespace "emojivoto"',
    )
    assert world.proxy.asked == []


async def test_values_of_headers_are_a_right_of_their_own(world: World) -> None:
    wanted = codec.encode(msgspec.structs.replace(QUERY, headers=True))
    _, warnings, _ = await world.post(wanted)
    assert "values of headers are redacted" in warnings[0]
    assert (world.proxy.asked[0].headers, world.proxy.asked[0].header_values) == (True, False)
    world.may = {"tap", "tap-headers"}
    _, warnings, _ = await world.post(wanted)
    assert warnings == []
    assert world.proxy.asked[1].header_values


async def test_nobody_asks_beside_the_api_server(tmp_path: Path) -> None:
    async with tap_world(tmp_path, certificate=False) as world:
        status, message = await world.refusal()
        assert status == 401
        assert "only the Kubernetes API server" in message
        for path in ("/apis", "/apis/tap.linkerd.io", "/apis/tap.linkerd.io/v1alpha1", "/healthz", "/readyz"):
            async with world.http.get(f"https://127.0.0.1:{world.port}{path}", server_hostname=HOST) as said:
                assert said.status == 200, path


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"{", "not a tap query"),
        (b'{"kind": 1}', "not a tap query"),
        (b'{"kind": "pod", "namespace": "a", "maxRps": 0}', "maxRps: 0.0 is not between"),
        (b'{"kind": "pod", "namespace": "a", "toKind": "frog"}', "toKind: 'frog' is not one of"),
    ],
)
async def test_bad_queries(world: World, body: bytes, told: str) -> None:
    status, message = await world.refusal(body)
    assert status == 400
    assert told in message
    assert world.asked == []


async def test_other_paths_and_users(world: World) -> None:
    for path in (PATH.replace("deployments", "frogs"), "/apis/tap.linkerd.io/v1alpha1/x"):
        assert (await world.refusal(path=path))[0] == 404
    assert (await world.refusal(user=""))[0] == 401
    assert (await world.refusal(b"x" * 100_000))[0] == 413


async def test_a_proxy_that_refuses_and_no_certificate(world: World) -> None:
    world.proxy.status = 429
    status, message = await world.refusal()
    assert (status, message) == (502, "no proxy can be tapped: emojivoto/web-1-a: refuses with 429: full")
    world.mesh = None
    status, message = await world.refusal()
    assert status == 503
    assert "linkerd-identity" in message
    world.inventory = emojivoto()
    status, message = await world.refusal()
    assert status == 400
    assert "kubectl rollout restart" in message


async def test_taps_are_bounded(world: World) -> None:
    world.api.running = MAX_TAPS
    assert (await world.refusal())[0] == 429
    world.api.running = 0
    await world.post()
    await eventually(lambda: world.api.running == 0, what="the end of the tap")


async def test_no_answer_of_the_api_server_is_503(world: World) -> None:
    async def fails(user: User, resource: str, namespace: str, name: str, subresource: str) -> bool:
        async with aiohttp.ClientSession() as session:
            await KubeClient("http://127.0.0.1:1", session).get("/")
        raise AssertionError

    world.api._allowed = fails
    status, message = await world.refusal()
    assert status == 503
    assert "cannot ask the Kubernetes API" in message

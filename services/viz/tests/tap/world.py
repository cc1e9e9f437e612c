"""What tap stands between: proxies that answer taps over mTLS, and an API server's front proxy that asks."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import jsonpatch
from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.names import identity_name
from linkerd_contract.tap import TAP_PATH, TapDirection, TapEvent, TapPeer, TapRequest, TapRequestInit
from linkerd_runtime import pki, tls
from linkerd_runtime.process import serve
from linkerd_testkit.certs import Authority

TAP = identity_name("tap", "linkerd-viz")
WEB = identity_name("web", "emojivoto")


def applied(before: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """RFC 6902. Raises JsonPatchTestFailed."""
    return cast("dict[str, Any]", jsonpatch.JsonPatch.from_string(json.dumps(patch)).apply(before))


def event(stream: int = 1, path: str = "/x", dropped: int = 0) -> TapEvent:
    """A request."""
    return TapEvent(
        TapDirection.inbound,
        TapPeer("10.42.0.3", 4000, {"tls": "true"}),
        TapPeer("127.0.0.1", 8080),
        base=7,
        stream=stream,
        dropped=dropped,
        request_init=TapRequestInit("GET", "http", "web", path),
    )


class FakeProxy:
    """Answers each tap with `lines`; with `hold` the stream stays open until `leave`."""

    def __init__(self) -> None:
        self.lines = [codec.encode(event())]
        self.status = 200
        self.hold = False
        self.leave = asyncio.Event()
        self.asked: list[TapRequest] = []
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """A tap."""
        self.asked.append(codec.decode(await request.read(), TapRequest))
        if self.status != 200:
            return web.Response(status=self.status, body=b'{"title":"t","status":429,"code":"c","detail":"full"}')
        response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
        await response.prepare(request)
        await response.write(b"\n".join([b"", *self.lines, b""]))
        if self.hold:
            await self.leave.wait()
        return response


@asynccontextmanager
async def fake_proxy(authority: Authority, directory: Path, identity: str = WEB) -> AsyncIterator[FakeProxy]:
    """With the certificate of `identity`; lets in whom the mesh's authority has signed."""
    proxy = FakeProxy()
    app = web.Application()
    app.router.add_post(TAP_PATH, proxy.handle)
    chain, key = authority.leaf(identity).write(directory / f"proxy-{identity}")
    runner = await serve(app, "127.0.0.1", 0, tls.server_context(str(chain), str(key), authority.anchors))
    proxy.port = runner.addresses[0][1]
    try:
        yield proxy
    finally:
        proxy.leave.set()
        await runner.cleanup()


def mesh_client(authority: Authority, directory: Path, identity: str = TAP) -> ssl.SSLContext:
    """The context of a workload that asks."""
    chain, key = authority.leaf(identity).write(directory / f"client-{identity}")
    return tls.client_context(authority.anchors, str(chain), str(key))


class FrontProxy:
    """The certificates by which an API server vouches for users."""

    def __init__(self, directory: Path, name: str = "front-proxy-client") -> None:
        now = datetime.now(UTC)
        validity = pki.Validity(now - timedelta(hours=1), now + timedelta(hours=1))
        authority = pki.make_ca("front-proxy-ca", validity, path_length=0)
        key = pki.new_key()
        leaf = pki.make_leaf(authority, key.public_key(), name, [name], validity)
        self.ca = authority.certificate_pem
        directory.mkdir(parents=True, exist_ok=True)
        self.chain, self.key = directory / "front.crt", directory / "front.key"
        self.chain.write_text(pki.pem(leaf))
        self.key.write_text(pki.private_pem(key))

    def context(self, ca: str, *, certificate: bool = True) -> ssl.SSLContext:
        """For asking a server whose CA is `ca`."""
        pair = (str(self.chain), str(self.key)) if certificate else (None, None)
        return tls.client_context(ca, *pair)


@asynccontextmanager
async def asking(context: ssl.SSLContext) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that uses it."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, force_close=True)) as session:
        yield session

"""Fixtures: a fake API server, a fake identity service, and the whole destination between them."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from linkerd_contract.codec import decode, encode
from linkerd_contract.identity import CERTIFY_PATH, CertifyRequest, CertifyResponse
from linkerd_contract.names import identity_name
from linkerd_runtime import tls
from linkerd_testkit.certs import Authority

sys.path.insert(0, str(Path(__file__).parents[3]))

from libs.kube.tests.fake_api import FakeApi
from services.destination.tests.harness import Destination


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with FakeApi() as server:
        yield server


@pytest.fixture
async def identity(authority: Authority, tmp_path: Path) -> AsyncIterator[TestServer]:
    """Signs whatever it is sent: what tokens are worth is identity's own business."""

    async def certify(request: web.Request) -> web.Response:
        asked = decode(await request.read(), CertifyRequest)
        chain, end = authority.sign(asked.csr)
        answer = CertifyResponse(chain=chain, valid_until=end.isoformat(), trust_bundle=authority.anchors)
        return web.Response(body=encode(answer), content_type="application/json")

    app = web.Application()
    app.router.add_post(CERTIFY_PATH, certify)
    chain, key = authority.leaf(identity_name("linkerd-identity", "linkerd")).write(tmp_path / "identity")
    server = TestServer(app)
    await server.start_server(ssl=tls.server_context(str(chain), str(key)))
    yield server
    await server.close()


@pytest.fixture
async def destination(
    api: FakeApi, identity: TestServer, authority: Authority, tmp_path: Path
) -> AsyncIterator[Destination]:
    """Running, but with nothing in the cluster: not even a trust bundle."""
    running = Destination(api, f"127.0.0.1:{identity.port}", authority, tmp_path)
    await running.start()
    yield running
    await running.stop()

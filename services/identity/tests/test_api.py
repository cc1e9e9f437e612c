"""`POST /v1/certify`: the answer, and every refusal with its code, metric and log line."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry, generate_latest
from services.identity.tests.helpers import WEB, settings
from structlog.testing import capture_logs

from linkerd_identity.api import Authority, CertifyApi
from linkerd_identity.authority import check_issuer
from linkerd_identity.events import Events
from linkerd_identity.metrics import Metrics
from linkerd_kube import KubeClient
from linkerd_runtime import pki
from linkerd_runtime.keygen import make_csr
from linkerd_runtime.process import serve
from linkerd_testkit.kube import FakeKube
from linkerd_testkit.ports import eventually

KEY = pki.new_key()


class Api:
    """The application without TLS, and its metrics."""

    def __init__(
        self, port: int, client: aiohttp.ClientSession, registry: CollectorRegistry, signer: Authority
    ) -> None:
        self.port = port
        self.client = client
        self.registry = registry
        self.signer = signer

    async def post(self, body: object) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.client.post("/v1/certify", data=data) as response:
            return response.status, json.loads(await response.read())


def body(**changes: object) -> dict[str, object]:
    return {"identity": WEB, "csr": make_csr(KEY, WEB).decode(), "token": "good", **changes}


@pytest.fixture
async def api(kube: FakeKube, tmp_path: Path) -> AsyncIterator[Api]:
    kube.account("good", "emojivoto", "web", "pod-1")
    now = datetime.now(UTC)
    anchor = pki.make_ca("root", pki.Validity(now, now + timedelta(days=10)))
    pair = pki.make_ca("identity", pki.Validity(now, now + timedelta(days=1)), parent=anchor)
    signer = Authority(lambda: datetime.now(UTC))
    signer.issuer = check_issuer(pair.certificate_pem, pair.key_pem, anchor.certificate_pem, now)
    registry = CollectorRegistry()
    async with aiohttp.ClientSession() as session:
        client = KubeClient(kube.url, session)
        config = settings(tmp_path)
        events = Events(client, "linkerd", "identity-0")
        app = CertifyApi(config, client, signer, Metrics(registry, signer.ttl_seconds), events).app()
        # Not aiohttp's TestServer: that one cancels handlers whose client has gone.
        runner = await serve(app, "127.0.0.1", 0)
        port = int(runner.addresses[0][1])
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as asking:
            yield Api(port, asking, registry, signer)
        await runner.cleanup()


async def test_granted(api: Api) -> None:
    status, answer = await api.post(body())
    assert status == 200
    assert set(answer) == {"chain", "validUntil", "trustBundle"}
    leaf, issuer = pki.read_certificates(answer["chain"])
    assert leaf.public_key() == KEY.public_key()
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == [WEB]
    assert leaf.not_valid_after_utc == datetime.fromisoformat(answer["validUntil"])
    assert leaf.not_valid_after_utc <= issuer.not_valid_after_utc
    assert "certificates_issued_total 1.0" in generate_latest(api.registry).decode()


EMOJI = "emoji.emojivoto.serviceaccount.identity.linkerd.cluster.local"
DER = x509.load_pem_x509_csr(make_csr(KEY, WEB)).public_bytes(Encoding.DER)

REFUSED: dict[str, tuple[object, int, str]] = {
    "not JSON": (b"{", 400, "malformed_request"),
    "not an object": (b"[]", 400, "malformed_request"),
    "not UTF-8": (b'{"identity": "\xff"}', 400, "malformed_request"),
    "a field is missing": ({"identity": WEB, "csr": "x"}, 400, "malformed_request"),
    "a field of another type": (body(token=1), 400, "malformed_request"),
    "an empty token": (body(token=""), 400, "malformed_request"),
    "a token of two lines": (body(token="a\nb"), 400, "malformed_request"),
    "an empty CSR": (body(csr=""), 400, "malformed_request"),
    "an identity that is no name": (body(identity="a\nb"), 400, "malformed_request"),
    "an identity in upper case": (body(identity=WEB.upper()), 400, "malformed_request"),
    "an unreadable CSR": (body(csr="x"), 400, "invalid_csr"),
    "a CSR for another name": (body(csr=make_csr(KEY, EMOJI).decode()), 400, "invalid_csr"),
    "an unknown token": (body(token="bad"), 401, "invalid_token"),
    "another's name": (body(identity=EMOJI, csr=make_csr(KEY, EMOJI).decode()), 403, "identity_mismatch"),
    "too large": (b" " * 70_000, 413, "too_large"),
}


NAMED = ("an empty token", "a token of two lines", "an empty CSR", "an unreadable CSR", "an unknown token")
"""The workload's name was readable: the log line has it."""


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(api: Api, case: str) -> None:
    sent, expected, code = REFUSED[case]
    with capture_logs() as lines:
        status, problem = await api.post(sent)
    assert (status, problem["code"], problem["status"]) == (expected, code, expected)
    assert problem["title"]
    assert problem["detail"]
    assert "certificates_issued_total 0.0" in generate_latest(api.registry).decode()
    assert f'certificates_refused_total{{code="{code}"}} 1.0' in generate_latest(api.registry).decode()
    assert [(line["event"], line["code"]) for line in lines] == [("refused", code)]
    assert lines[0]["workload"] == WEB or case not in NAMED
    assert "\n" not in str(lines[0]["workload"])
    assert "good" not in str(lines)
    assert "BEGIN" not in str(lines)


async def test_what_nobody_foresaw_is_refused_like_the_rest(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError("in the middle")

    monkeypatch.setattr("linkerd_identity.api.authority.issue", broken)
    with capture_logs() as lines:
        status, problem = await api.post(body())
    assert (status, problem["code"]) == (500, "internal")
    assert problem["detail"]
    assert "in the middle" not in json.dumps(problem)
    assert 'certificates_refused_total{code="internal"} 1.0' in generate_latest(api.registry).decode()
    assert [line["workload"] for line in lines] == [WEB]
    assert lines[0]["exc_info"]


async def _raw(api: Api, sent: bytes, *, half_close: bool) -> bytes:
    """What is answered to bytes on a connection of their own: one problem, or nothing where it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    writer.write(sent)
    if half_close:
        writer.write_eof()
    async with asyncio.timeout(30):
        answer = b""
        while b"}" not in answer and (more := await reader.read(65536)):
            answer += more
    writer.close()
    return answer


async def test_a_body_that_stops_is_not_waited_for(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkerd_identity.api.BODY_SECONDS", 0.1)
    head = b"POST /v1/certify HTTP/1.1\r\nhost: identity\r\ncontent-length: 100\r\n\r\n{"
    answer = await _raw(api, head, half_close=False)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"malformed_request"' in answer
    assert 'certificates_refused_total{code="malformed_request"} 1.0' in generate_latest(api.registry).decode()


async def test_a_body_that_is_cut_off(api: Api) -> None:
    head = b"POST /v1/certify HTTP/1.1\r\nhost: identity\r\ncontent-length: 100\r\n\r\n{"
    counted = 'certificates_refused_total{code="malformed_request"} 1.0'
    with capture_logs() as lines:
        await _raw(api, head, half_close=True)
        await eventually(lambda: counted in generate_latest(api.registry).decode(), what="the refusal counted")
    assert [line["event"] for line in lines] == ["refused"]


async def test_a_token_for_another_audience(api: Api, kube: FakeKube) -> None:
    kube.tokens["good"]["audiences"] = ["https://kubernetes.default.svc"]
    status, problem = await api.post(body())
    assert (status, problem["code"]) == (401, "invalid_token")


async def test_no_issuer_and_an_ended_one(api: Api, kube: FakeKube) -> None:
    issuer = api.signer.issuer
    api.signer.now = lambda: datetime.now(UTC) + timedelta(days=2)
    assert (await api.post(body()))[1]["code"] == "issuer_not_ready"
    api.signer.issuer = None
    status, problem = await api.post(body())
    assert (status, problem["code"]) == (503, "issuer_not_ready")
    api.signer.now, api.signer.issuer = (lambda: datetime.now(UTC)), issuer
    assert (await api.post(body()))[0] == 200


async def test_api_server_away(api: Api, kube: FakeKube) -> None:
    kube.down = True
    status, problem = await api.post(body())
    assert (status, problem["code"]) == (503, "token_review_failed")


async def test_one_pod_asks_too_often(api: Api, kube: FakeKube, caplog: pytest.LogCaptureFixture) -> None:
    kube.account("other", "emojivoto", "web", "pod-2")
    with caplog.at_level(logging.ERROR):
        statuses = [(await api.post(body()))[0] for _ in range(22)]
        assert statuses[:20] == [200] * 20
        assert 429 in statuses[20:]
        assert (await api.post(body(token="other")))[0] == 200


async def test_other_methods_and_paths(api: Api) -> None:
    async with api.client.get("/v1/certify") as response:
        assert response.status == 405
    async with api.client.get("/") as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"


async def test_too_many_at_once_are_refused_cheaply(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linkerd_identity.limits.IN_WORK", 0)
    status, answer = await api.post(body())
    assert (status, answer["code"]) == (503, "overloaded")
    monkeypatch.undo()
    assert (await api.post(body()))[0] == 200


async def test_what_was_read_long_ago_signs_nothing(api: Api) -> None:
    api.signer.fresh_until = 0.0
    status, answer = await api.post(body())
    assert (status, answer["code"]) == (503, "issuer_not_ready")

"""The certify client against a server that behaves, lies, refuses, and is not who it says."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509

from linkerd_runtime import pki, tls
from linkerd_runtime.certify import Certifier, CertifySettings, Credentials
from linkerd_runtime.problem import problem_response
from linkerd_runtime.process import serve
from linkerd_testkit.ports import eventually

SERVER = "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local"
NAME = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"


def validity(seconds: float = 3600) -> pki.Validity:
    now = datetime.now(UTC)
    return pki.Validity(now - timedelta(minutes=1), now + timedelta(seconds=seconds))


class Identity:
    """A stand-in for the identity service, honest unless told otherwise."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self.authority = pki.make_ca("identity.linkerd.cluster.local", validity())
        self.life = 3600.0
        self.bundle = self.authority.certificate_pem
        self.tokens: list[str] = []
        self.answers: list[Callable[[], web.Response]] = []
        """What the next requests get instead."""
        self.port = 0

    def serving(self, name: str, authority: pki.KeyPair | None = None) -> ssl.SSLContext:
        key = pki.new_key()
        leaf = pki.make_leaf(authority or self.authority, key.public_key(), name, [name], validity())
        (self.directory / "tls.crt").write_text(pki.pem(leaf))
        (self.directory / "tls.key").write_text(pki.private_pem(key))
        return tls.server_context(str(self.directory / "tls.crt"), str(self.directory / "tls.key"))

    async def certify(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.tokens.append(body["token"])
        if self.answers:
            return self.answers.pop(0)()
        csr = x509.load_pem_x509_csr(body["csr"].encode())
        key = csr.public_key()
        return self.answer(pki.make_leaf(self.authority, key, "", [body["identity"]], validity(self.life)))

    def answer(self, leaf: x509.Certificate, **changes: str) -> web.Response:
        until = leaf.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        document = {"chain": pki.pem(leaf), "validUntil": until, "trustBundle": self.bundle, **changes}
        return web.json_response(document)

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Identity"]:
        app = web.Application()
        app.router.add_post("/v1/certify", self.certify)
        runner = await serve(app, "127.0.0.1", self.port, context or self.serving(SERVER))
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


class Workload:
    """A Certifier in its task."""

    def __init__(self, identity: Identity, directory: Path, **changes: object) -> None:
        directory.mkdir(exist_ok=True)
        (directory / "token").write_text("first-token\n")
        self.got: list[Credentials] = []
        settings = CertifySettings(
            server_addr=f"127.0.0.1:{identity.port}",
            server_name=SERVER,
            identity=NAME,
            token_file=str(directory / "token"),
            directory=str(directory / "end-entity"),
            trust_anchors=identity.authority.certificate_pem,
        )
        for name, value in changes.items():
            object.__setattr__(settings, name, value)
        self.calls: list[int] = []
        self.certifier = Certifier(settings, self.got.append, self._called)

    def _called(self, status: int, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.calls.append(status)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Workload"]:
        task = asyncio.ensure_future(self.certifier.run())
        try:
            yield self
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def certified(self, times: int = 1) -> Credentials:
        await eventually(lambda: len(self.got) >= times, what=f"{times} certificates")
        return self.got[times - 1]


async def test_certifies_and_the_files_fit(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "server")
    async with identity.listening(), Workload(identity, tmp_path / "pod").running() as workload:
        credentials = await workload.certified()
        assert workload.certifier.credentials == credentials
    assert identity.tokens == ["first-token"]
    assert workload.calls == [200]
    tls.server_context(credentials.chain_path, credentials.key_path, credentials.trust_bundle)
    leaf = pki.read_certificates(Path(credentials.chain_path).read_text())[0]
    assert credentials.not_after == leaf.not_valid_after_utc.timestamp()
    for path in Path(credentials.chain_path).parent.iterdir():
        assert path.name == "csr.pem" or path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("impostor", ["another name", "another chain"])
async def test_no_token_leaves_before_the_server_is_verified(
    tmp_path: Path, impostor: str, caplog: pytest.LogCaptureFixture
) -> None:
    identity = Identity(tmp_path / "server")
    if impostor == "another name":
        context = identity.serving("web.evil.serviceaccount.identity.linkerd.cluster.local")
    else:
        context = identity.serving(SERVER, pki.make_ca("identity.linkerd.cluster.local", validity()))
    async with identity.listening(context), Workload(identity, tmp_path / "pod").running() as workload:
        await eventually(lambda: caplog.text.count("cannot certify") >= 2, what="two attempts")
        assert identity.tokens == []
        assert workload.got == []
        assert workload.calls[:2] == [0, 0]


async def test_renews_with_the_token_of_the_day(tmp_path: Path) -> None:
    async with Identity(tmp_path / "server").listening() as identity:
        identity.life = 2.0
        workload = Workload(identity, tmp_path / "pod", min_refresh_seconds=0.01)
        async with workload.running():
            first = await workload.certified()
            (tmp_path / "pod" / "token").write_text("second-token")
            second = await workload.certified(2)
    assert identity.tokens[:2] == ["first-token", "second-token"]
    assert first.key_path == second.key_path
    assert second.not_after >= first.not_after


def _refused(_identity: Identity) -> web.Response:
    return problem_response(403, "identity_mismatch", "Not yours", "the token belongs to another")


def _bad_gateway(_identity: Identity) -> web.Response:
    return web.Response(text="bad gateway", status=502)


def _not_json(_identity: Identity) -> web.Response:
    return web.Response(text="not json")


def _empty(_identity: Identity) -> web.Response:
    return web.Response(text=json.dumps({"chain": "", "validUntil": "tomorrow", "trustBundle": ""}))


def _of_another_key(identity: Identity) -> web.Response:
    return identity.answer(pki.make_leaf(identity.authority, pki.new_key().public_key(), "", [NAME], validity()))


def _of_last_year(identity: Identity) -> web.Response:
    past = pki.Validity(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    return identity.answer(pki.make_leaf(identity.authority, pki.new_key().public_key(), "", [NAME], past))


def _endless(_identity: Identity) -> web.Response:
    return web.Response(body=b" " * (2 << 20))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_refused, "403 identity_mismatch: the token belongs to another"),
        (_bad_gateway, "identity answered 502"),
        (_not_json, "the answer cannot be read"),
        (_empty, "the answer cannot be used"),
        (_of_another_key, "the answer cannot be used"),
        (_of_last_year, "clock"),
        (_endless, "the answer cannot be read"),
    ],
)
async def test_retries_after_every_kind_of_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, answer: Callable[[Identity], web.Response], words: str
) -> None:
    identity = Identity(tmp_path / "server")
    identity.answers = [lambda: answer(identity)]
    async with identity.listening(), Workload(identity, tmp_path / "pod").running() as workload:
        await workload.certified()
    [line] = [r.getMessage() for r in caplog.records if "cannot certify" in r.getMessage()]
    assert words in line
    assert NAME in line
    assert "first-token" not in caplog.text


async def test_a_restarted_container_uses_what_is_there(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "server")
    async with identity.listening(), Workload(identity, tmp_path / "pod").running() as workload:
        first = await workload.certified()
    # Identity is away now: the certificate of the last container serves until it ends.
    async with Workload(identity, tmp_path / "pod").running() as workload:
        assert await workload.certified() == first


async def test_the_newest_bundle_wins_over_the_rendered_one(tmp_path: Path) -> None:
    identity = Identity(tmp_path / "server")
    async with identity.listening():
        replacement = pki.make_ca("root.linkerd.cluster.local", validity())
        identity.bundle = identity.authority.certificate_pem + replacement.certificate_pem
        async with Workload(identity, tmp_path / "pod").running() as workload:
            assert (await workload.certified()).trust_bundle == identity.bundle
    identity.authority = replacement
    rendered = pki.make_ca("of no use", validity()).certificate_pem
    async with identity.listening(), Workload(identity, tmp_path / "pod", trust_anchors=rendered).running() as again:
        await again.certified(2)


async def test_short_leaves_are_renewed_before_the_least_interval(tmp_path: Path) -> None:
    async with Identity(tmp_path / "server").listening() as identity:
        identity.life = 2.0
        async with Workload(identity, tmp_path / "pod", min_refresh_seconds=1000).running() as workload:
            first = await workload.certified()
            await eventually(lambda: len(workload.got) > 1, what="the second certificate")
            assert workload.got[1].not_after >= first.not_after


async def test_identity_comes_back_before_the_leaf_ends(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    identity = Identity(tmp_path / "server")
    identity.life = 8.0
    async with identity.listening():
        workload = Workload(identity, tmp_path / "pod", max_refresh_seconds=0.2)
        task = asyncio.ensure_future(workload.certifier.run())
        first = await workload.certified()
    await eventually(lambda: caplog.text.count("cannot certify") >= 3, what="three attempts")
    # What was handed out goes on; nothing is taken back.
    assert workload.certifier.credentials is not None
    assert workload.certifier.credentials.not_after >= first.not_after
    seen = len(workload.got)
    async with identity.listening():
        await eventually(lambda: len(workload.got) > seen, what="another certificate")
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.parametrize("jump", [3000.0, -3000.0])
async def test_a_wall_clock_that_is_set_wakes_the_renewal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    wall = [0.0]
    monkeypatch.setattr("linkerd_runtime.clocks.STEP_SECONDS", 0.02)
    monkeypatch.setattr("linkerd_runtime.certify.time.time", lambda: time.monotonic() + wall[0])
    wall[0] = datetime.now(UTC).timestamp() - time.monotonic()
    identity = Identity(tmp_path / "server")
    async with identity.listening(), Workload(identity, tmp_path / "pod").running() as workload:
        await workload.certified()
        wall[0] += jump
        await workload.certified(2)


async def test_missing_token_and_unusable_anchors(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    identity = Identity(tmp_path / "server")
    workload = Workload(identity, tmp_path / "pod", token_file=str(tmp_path / "none"))
    async with workload.running():
        await eventually(lambda: "No such file" in caplog.text, what="the missing token named")
    workload = Workload(identity, tmp_path / "pod", trust_anchors="nonsense")
    async with workload.running():
        await eventually(lambda: "trust anchors cannot be read" in caplog.text, what="the anchors named")


async def test_a_key_helper_that_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod" / "end-entity").write_text("")
    workload = Workload(Identity(tmp_path / "server"), tmp_path / "pod")
    async with workload.running():
        await eventually(lambda: "the key helper failed with 1" in caplog.text, what="the helper's failure")


async def test_a_cancellation_that_comes_as_the_key_helper_ends_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Helper:
        returncode = 0

        async def communicate(self) -> tuple[bytes, bytes]:
            running.cancel()
            return b"", b""

    async def start(*_: object, **__: object) -> Helper:
        return Helper()

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    running = asyncio.ensure_future(Workload(Identity(tmp_path / "server"), tmp_path / "pod").certifier.run())
    await asyncio.wait({running}, timeout=30)
    assert running.cancelled()


def test_the_proxy_may_import_it() -> None:
    """Idle memory counts: nothing heavy comes with these modules."""
    import subprocess
    import sys

    script = (
        "import sys, linkerd_runtime.certify, linkerd_runtime.settings, linkerd_runtime.tls\n"
        "heavy = {'cryptography', 'structlog', 'prometheus_client', 'kubernetes_asyncio', 'yaml', 'uvloop'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n"

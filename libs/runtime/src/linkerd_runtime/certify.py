"""How a workload gets its certificate: `POST /v1/certify` on identity, over TLS verified by chain and by name.

aiohttp, contract and standard library only: the proxy imports this. No token leaves before the server has proved that
it is the identity service. The key and the CSR are made by a short-lived process (linkerd_runtime.keygen). Files in
`directory` (a memory volume): key.p8, csr.pem, chain.pem, bundle.pem, valid-until; after a restart of the container
what is still valid there is used at once, and renewed.
"""

import asyncio
import logging
import os
import random
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver

from linkerd_contract import codec
from linkerd_contract.identity import CERTIFY_PATH, CertifyRequest, CertifyResponse
from linkerd_contract.problem import Problem
from linkerd_runtime import tls
from linkerd_runtime.clocks import sleep_on_both_clocks

log = logging.getLogger(__name__)

REFRESH_AT = 0.7
"""Share of a leaf's remaining life after which it is renewed (Linkerd)."""
_LATEST = 0.8
"""Share of it after which it is renewed in any case."""
_BACKOFF_FIRST = 0.2
_BACKOFF_LAST = 30.0
_REQUEST_TIMEOUT = 10.0
_KEYGEN_TIMEOUT = 60.0
_MAX_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class CertifySettings:
    """Where identity is, who we are, where our files go. `trust_anchors` is PEM; times in seconds."""

    server_addr: str
    """"host:port"."""
    server_name: str
    """The identity that the server must prove (LINKERD2_PROXY_IDENTITY_SVC_NAME)."""
    identity: str
    """Our own name, SA.NS.serviceaccount.identity.CPNS.TRUSTDOMAIN."""
    token_file: str
    directory: str
    trust_anchors: str
    min_refresh_seconds: float = 10
    max_refresh_seconds: float = 86400


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate in use. `trust_bundle` is PEM, `not_after` unix seconds."""

    identity: str
    chain_path: str
    key_path: str
    trust_bundle: str
    not_after: float


OnCall = Callable[[int, float], None]
"""Takes the status that identity answered, 0 where it did not answer, and how long that took, in seconds."""


class CertifyError(Exception):
    """No certificate this time; the message says why."""


class Certifier:
    """Keeps one workload's certificate current and tells `on_update` of each new one."""

    def __init__(
        self,
        settings: CertifySettings,
        on_update: Callable[[Credentials], None],
        on_call: OnCall | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`on_call` hears of every request that was made; `resolver` finds the server's address, as aiohttp's would."""
        self.settings = settings
        self.credentials: Credentials | None = None
        self._on_update = on_update
        self._on_call = on_call
        self._resolver = resolver
        directory = Path(settings.directory)
        self._key = directory / "key.p8"
        self._csr = directory / "csr.pem"
        self._chain = directory / "chain.pem"
        self._bundle = directory / "bundle.pem"
        self._valid_until = directory / "valid-until"

    async def run(self) -> None:
        """Certify, and again at 70 % of each leaf's remaining life; forever. Ends by cancellation only."""
        delay = _BACKOFF_FIRST
        prepared = False
        while True:
            try:
                if not prepared:
                    await self._make_key()
                    prepared = True
                    self._resume()
                self._publish(await self._certify())
            except CertifyError as error:
                log.warning("cannot certify %s: %s", self.settings.identity, error)
                await asyncio.sleep(min(delay, self._retry_within()) * random.uniform(0.5, 1.0))
                delay = min(delay * 2, _BACKOFF_LAST)
            else:
                delay = _BACKOFF_FIRST
                await sleep_on_both_clocks(self._refresh_after(), time.time)

    async def _make_key(self) -> None:
        arguments = ["-m", "linkerd_runtime.keygen", "--identity", self.settings.identity]
        arguments += ["--directory", self.settings.directory]
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise CertifyError(f"cannot start the key helper: {error}") from error
        try:
            async with asyncio.timeout(_KEYGEN_TIMEOUT):
                _, stderr = await process.communicate()
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise CertifyError(f"the key helper took more than {_KEYGEN_TIMEOUT:.0f} s") from error
            raise
        if process.returncode != 0:
            last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise CertifyError(f"the key helper failed with {process.returncode}: {last}")

    def _resume(self) -> None:
        """After a restart of the container: what is in the directory and still valid serves until it is renewed."""
        try:
            not_after = float(self._valid_until.read_text())
            bundle = self._bundle.read_text()
            if not_after > time.time():
                self._check(self._chain, bundle)
                self._use(bundle, not_after)
        except (OSError, ValueError, ssl.SSLError):
            return

    async def _certify(self) -> CertifyResponse:
        body, context = self._request()
        started, status = time.monotonic(), 0
        try:
            status, answer = await self._exchange(body, context)
        finally:
            if self._on_call is not None:
                self._on_call(status, time.monotonic() - started)
        if status != 200:
            raise CertifyError(_refusal(status, answer))
        try:
            return codec.decode(answer, CertifyResponse)
        except ValueError as error:
            raise CertifyError(f"the answer cannot be read: {error}") from error

    async def _exchange(self, body: bytes, context: ssl.SSLContext) -> tuple[int, bytes]:
        settings = self.settings
        timeout = aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(resolver=self._resolver), timeout=timeout
                ) as session,
                session.post(
                    f"https://{settings.server_addr}{CERTIFY_PATH}",
                    data=body,
                    headers={"content-type": "application/json"},
                    ssl=context,
                    server_hostname=settings.server_name,
                    allow_redirects=False,
                ) as response,
            ):
                answer = await response.content.read(_MAX_ANSWER + 1)
                while len(answer) <= _MAX_ANSWER and (more := await response.content.read(_MAX_ANSWER)):
                    answer += more
                return response.status, answer
        except TimeoutError as error:
            raise CertifyError(f"{settings.server_addr} did not answer within {_REQUEST_TIMEOUT:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CertifyError(f"{settings.server_addr}: {error}") from error

    def _request(self) -> tuple[bytes, ssl.SSLContext]:
        """The body, with the token as it is now (projected tokens are replaced), and the context to send it in."""
        try:
            token = Path(self.settings.token_file).read_text().strip()
            csr = self._csr.read_text()
        except (OSError, ValueError) as error:
            raise CertifyError(str(error)) from error
        try:
            context = tls.client_context(self._anchors())
        except (ssl.SSLError, ValueError) as error:
            raise CertifyError(f"the trust anchors cannot be read: {error}") from error
        return codec.encode(CertifyRequest(identity=self.settings.identity, csr=csr, token=token)), context

    def _anchors(self) -> str:
        """The bundle of the last answer, newer than the one rendered into the pod; else that one."""
        try:
            return self._bundle.read_text() or self.settings.trust_anchors
        except (OSError, ValueError):
            return self.settings.trust_anchors

    def _publish(self, answer: CertifyResponse) -> None:
        temporary = self._chain.with_name(".chain.pem.new")
        try:
            not_after = datetime.fromisoformat(answer.valid_until).timestamp()
            if not_after <= time.time():
                raise CertifyError(f"the certificate ended at {answer.valid_until}: is this machine's clock right?")
            _write(temporary, answer.chain)
            self._check(temporary, answer.trust_bundle)
            temporary.replace(self._chain)
            _write(self._bundle, answer.trust_bundle)
            _write(self._valid_until, repr(not_after))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise CertifyError(f"the answer cannot be used: {error}") from error
        self._use(answer.trust_bundle, not_after)
        log.info("certified %s until %s", self.settings.identity, answer.valid_until)

    def _check(self, chain: Path, bundle: str) -> None:
        """Raises ssl.SSLError where the chain does not fit the key, or the bundle holds no certificate."""
        tls.client_context(bundle, str(chain), str(self._key))

    def _use(self, bundle: str, not_after: float) -> None:
        self.credentials = Credentials(self.settings.identity, str(self._chain), str(self._key), bundle, not_after)
        self._on_update(self.credentials)

    def _refresh_after(self) -> float:
        """Seconds; up to 5 % earlier at random, so that pods started together do not renew together."""
        assert self.credentials is not None
        remaining = self.credentials.not_after - time.time()
        wait = remaining * REFRESH_AT * random.uniform(0.95, 1.0)
        # The least is there to spare identity, not to let short leaves end.
        least = min(self.settings.min_refresh_seconds, max(0.1, remaining * _LATEST))
        return min(max(wait, least), self.settings.max_refresh_seconds)

    def _retry_within(self) -> float:
        """Seconds; while a leaf still lives, several attempts fit into what is left of it."""
        left = self.credentials.not_after - time.time() if self.credentials is not None else 0.0
        return max(_BACKOFF_FIRST, left / 8) if left > 0 else _BACKOFF_LAST


def _write(path: Path, text: str) -> None:
    """Replace a file atomically; only its owner may read it."""
    temporary = path.with_name(f"{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def _refusal(status: int, answer: bytes) -> str:
    try:
        problem = codec.decode(answer, Problem)
    except ValueError:
        return f"identity answered {status}"
    return f"identity answered {status} {problem.code}: {problem.detail or problem.title}"

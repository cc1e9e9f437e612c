"""`POST /v1/certify`: who is it (the API server says), may it have this name, sign.

Every refusal is problem+json with a stable code and one sentence, a metric, and a log line with the workload's name.
"""

import asyncio
import logging
import math
import re
import time
from collections.abc import Callable
from datetime import datetime

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from linkerd_contract import codec
from linkerd_contract.identity import CERTIFY_PATH, CertifyCode, CertifyRequest, CertifyResponse
from linkerd_identity import authority, tokens
from linkerd_identity.authority import Issuer, IssuerNotValidNow, Leaf
from linkerd_identity.csr import CsrRefused, check_csr
from linkerd_identity.events import Events
from linkerd_identity.limits import InWork, RateLimits
from linkerd_identity.metrics import Metrics
from linkerd_identity.settings import Lives, Settings
from linkerd_identity.tokens import Account, ReviewFailed, TokenRefused
from linkerd_kube import KubeClient
from linkerd_runtime.problem import problem_middleware, problem_response

_stdlib_log = logging.getLogger(__name__)
log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MAX_BODY = 64 * 1024
BODY_SECONDS = 10.0
"""How long a request's body may take: clients give up then, too (linkerd_runtime.certify)."""
_DNS_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)

_STATUS = {
    CertifyCode.MALFORMED_REQUEST: (400, "The request cannot be read"),
    CertifyCode.TOO_LARGE: (413, "The request is too large"),
    CertifyCode.INVALID_CSR: (400, "The certificate signing request is refused"),
    CertifyCode.INVALID_TOKEN: (401, "The token is refused"),
    CertifyCode.IDENTITY_MISMATCH: (403, "A workload gets its own name only"),
    CertifyCode.RATE_LIMITED: (429, "Too many requests of one workload"),
    CertifyCode.OVERLOADED: (503, "Too many requests at once"),
    CertifyCode.ISSUER_NOT_READY: (503, "There is no issuer now"),
    CertifyCode.TOKEN_REVIEW_FAILED: (503, "The API server cannot be asked now"),
    CertifyCode.INTERNAL: (500, "Internal error"),
}


class Refusal(Exception):
    """A request that gets no certificate."""

    def __init__(self, code: CertifyCode, detail: str, status: int = 0) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status or _STATUS[code][0]


class Authority:
    """What signs now; None while trust is not there."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.issuer: Issuer | None = None
        self.lives = Lives()
        self.fresh_until = math.inf
        """Monotonic seconds: what is known of trust is too old to sign with afterwards (Lives.stale)."""

    def ttl_seconds(self) -> float:
        """Until the issuer ends; 0 without one."""
        return (self.issuer.not_after - self.now()).total_seconds() if self.issuer else 0.0


class CertifyApi:
    """The handler and what it needs."""

    def __init__(
        self, settings: Settings, client: KubeClient, signer: Authority, metrics: Metrics, events: Events
    ) -> None:
        self._settings = settings
        self._client = client
        self._signer = signer
        self._metrics = metrics
        self._events = events
        self._limits = RateLimits()
        self._in_work = InWork()

    def app(self, *first: Middleware) -> web.Application:
        """The application to serve over TLS; `first` are middlewares around its own."""
        app = web.Application(middlewares=[*first, problem_middleware], client_max_size=MAX_BODY)
        app.router.add_post(CERTIFY_PATH, self.certify)
        return app

    async def certify(self, request: web.Request) -> web.Response:
        """One request."""
        started = time.monotonic()
        workload = ""
        try:
            wanted = _decode(await _body(request))
            workload = _name(wanted)
            _check_fields(wanted)
            if not self._in_work.enter():
                raise Refusal(CertifyCode.OVERLOADED, "too many workloads ask at this moment; ask again")
            try:
                leaf = await self._sign(wanted)
            finally:
                self._in_work.leave()
        except Refusal as refusal:
            log.warning("refused", workload=workload, code=str(refusal.code), detail=refusal.detail)
            return self._refused(refusal)
        except Exception:
            log.exception("failed", workload=workload)
            return self._refused(Refusal(CertifyCode.INTERNAL, "the log of linkerd-identity says more"))
        finally:
            self._metrics.seconds.observe(time.monotonic() - started)
        answer = CertifyResponse(
            chain=leaf.chain,
            valid_until=f"{leaf.not_after:%Y-%m-%dT%H:%M:%SZ}",
            trust_bundle=leaf.bundle,
        )
        return web.Response(body=codec.encode(answer), content_type="application/json")

    def _refused(self, refusal: Refusal) -> web.Response:
        self._metrics.refused.labels(refusal.code).inc()
        return problem_response(refusal.status, refusal.code, _STATUS[refusal.code][1], refusal.detail)

    async def _sign(self, wanted: CertifyRequest) -> Leaf:
        self._ready()
        try:
            csr = check_csr(wanted.csr, wanted.identity)
        except CsrRefused as error:
            raise Refusal(CertifyCode.INVALID_CSR, str(error)) from error
        account = await self._authenticate(wanted)
        self._limits.leaf_seconds = self._signer.lives.leaf.total_seconds()
        if not self._limits.allow(f"{account.namespace}/{account.name}", account.pod_uid, time.monotonic()):
            raise Refusal(CertifyCode.RATE_LIMITED, "this workload asks too often; ask again in a few seconds")
        # Looked up again: the issuer may have been replaced while the API server was asked.
        try:
            leaf = authority.issue(self._ready(), csr, self._signer.lives, self._signer.now())
        except IssuerNotValidNow as error:
            raise Refusal(CertifyCode.ISSUER_NOT_READY, str(error)) from error
        self._metrics.issued.inc()
        if _stdlib_log.isEnabledFor(logging.DEBUG):
            # Events tell people of each; a line for each costs a tenth of what a certificate does.
            log.debug("certified", workload=wanted.identity, until=f"{leaf.not_after:%Y-%m-%dT%H:%M:%SZ}")
        message = f"issued certificate for {wanted.identity}"
        self._events.on_account(account.namespace, account.name, account.uid, "IssuedLeafCertificate", message)
        return leaf

    def _ready(self) -> Issuer:
        if self._signer.issuer is None:
            raise Refusal(CertifyCode.ISSUER_NOT_READY, "the issuer is not there yet; ask again")
        if time.monotonic() > self._signer.fresh_until:
            # A rotation elsewhere counts on it that no replica signs from an old picture.
            raise Refusal(CertifyCode.ISSUER_NOT_READY, "trust could not be read from the API server lately; ask again")
        return self._signer.issuer

    async def _authenticate(self, wanted: CertifyRequest) -> Account:
        try:
            account = await tokens.review(self._client, wanted.token)
        except TokenRefused as error:
            raise Refusal(CertifyCode.INVALID_TOKEN, str(error)) from error
        except ReviewFailed as error:
            raise Refusal(CertifyCode.TOKEN_REVIEW_FAILED, str(error)) from error
        if account.identity(self._settings.namespace, self._settings.trust_domain) != wanted.identity:
            detail = f"the token belongs to ServiceAccount {account.namespace}/{account.name}"
            raise Refusal(CertifyCode.IDENTITY_MISMATCH, detail)
        return account


async def _body(request: web.Request) -> bytes:
    """The body, within bounds of size and time. Raises Refusal."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        detail = f"the body did not arrive within {BODY_SECONDS:g} s"
        raise Refusal(CertifyCode.MALFORMED_REQUEST, detail, 408) from error
    except web.HTTPRequestEntityTooLarge as error:
        raise Refusal(CertifyCode.TOO_LARGE, f"a certify request has at most {MAX_BODY} bytes") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise Refusal(CertifyCode.MALFORMED_REQUEST, "the body is cut off or badly framed") from error


def _decode(body: bytes) -> CertifyRequest:
    """Raises Refusal."""
    try:
        return codec.decode(body, CertifyRequest)
    except ValueError as error:
        raise Refusal(CertifyCode.MALFORMED_REQUEST, f"not a certify request: {error}") from error


def _name(wanted: CertifyRequest) -> str:
    """The identity asked for, fit for a log. Raises Refusal."""
    if not _DNS_NAME.fullmatch(wanted.identity):
        raise Refusal(CertifyCode.MALFORMED_REQUEST, "identity is not a DNS name in lower case")
    return wanted.identity


def _check_fields(wanted: CertifyRequest) -> None:
    """Raises Refusal."""
    if not wanted.csr or not wanted.token:
        raise Refusal(CertifyCode.MALFORMED_REQUEST, "csr and token must not be empty")
    if not wanted.token.isascii() or not wanted.token.isprintable() or " " in wanted.token:
        raise Refusal(CertifyCode.MALFORMED_REQUEST, "token is not a bearer token")

"""The certificate that identity serves with: issued by itself to itself, renewed, swapped on the live listener."""

import asyncio
import logging
from pathlib import Path

from linkerd_identity import authority
from linkerd_identity.api import Authority
from linkerd_identity.authority import Issuer, IssuerNotValidNow
from linkerd_identity.csr import CheckedCsr
from linkerd_runtime import pki, tls
from linkerd_runtime.certify import REFRESH_AT
from linkerd_runtime.clocks import sleep_on_both_clocks
from linkerd_runtime.keygen import write_private

log = logging.getLogger(__name__)

_RETRY_SECONDS = 5.0
_LEAST_SECONDS = 0.5


class ServingCertificate:
    """Renewed at 70 % of its life, where the clock is set, and whenever the issuer changes."""

    def __init__(self, name: str, directory: str, signer: Authority) -> None:
        self._name = name
        self._chain = Path(directory) / "serving-chain.pem"
        self._key_path = Path(directory) / "serving-key.pem"
        self._signer = signer
        self._key = pki.new_key()
        self._issuers: asyncio.Queue[Issuer] = asyncio.Queue()
        self.context: tls.ReloadableServerContext | None = None
        self.available = asyncio.Event()
        """Set when there is something to serve with."""

    def renew(self, issuer: Issuer) -> None:
        """There is another issuer."""
        self._issuers.put_nowait(issuer)

    async def run(self) -> None:
        """Forever."""
        issuer = await self._issuers.get()
        while True:
            another = asyncio.ensure_future(self._issuers.get())
            due = asyncio.ensure_future(sleep_on_both_clocks(self._issue(issuer), self._wall))
            try:
                await asyncio.wait({another, due}, return_when=asyncio.FIRST_COMPLETED)
                if another.done():
                    issuer = another.result()
            finally:
                another.cancel()
                due.cancel()

    def _wall(self) -> float:
        return self._signer.now().timestamp()

    def _issue(self, issuer: Issuer) -> float:
        """Seconds until the next one."""
        now = self._signer.now()
        try:
            leaf = authority.issue(issuer, CheckedCsr(self._name, self._key.public_key()), self._signer.lives, now)
        except IssuerNotValidNow as error:
            log.warning("cannot renew the serving certificate: %s", error)
            return _RETRY_SECONDS
        self._chain.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._key_path, pki.private_pem(self._key).encode())
        write_private(self._chain, leaf.chain.encode())
        context = tls.server_context(str(self._chain), str(self._key_path))
        if self.context is None:
            self.context = tls.ReloadableServerContext(context)
        else:
            self.context.swap(context)
        self.available.set()
        log.info("serving as %s until %s", self._name, f"{leaf.not_after:%Y-%m-%dT%H:%M:%SZ}")
        return max(_LEAST_SECONDS, (leaf.not_after - now).total_seconds() * REFRESH_AT)

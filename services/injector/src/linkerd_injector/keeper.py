"""Keeps the webhook reachable: the serving Secret (made under a Lease), the certificate on the listener, caBundle.

Every replica loads the Secret and sees to caBundle, which all write alike; only the Lease's holder makes or renews the
Secret. Woken by changes of the Secret and of the webhook configurations, and every minute.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from linkerd_injector.serving import (
    SECRET,
    Serving,
    ca_patch,
    has_ca_bundles,
    left_to_cert_manager,
    make_serving,
    ours,
    read_serving,
    secret_of,
)
from linkerd_injector.settings import Settings
from linkerd_kube import ApiError, Conflict, JsonObject, KubeClient, Leader, Reflector, waking, woken
from linkerd_kube.resource import Resource
from linkerd_kube.resources import MUTATING_WEBHOOKS, SECRETS, VALIDATING_WEBHOOKS
from linkerd_runtime import tls
from linkerd_runtime.health import Readiness
from linkerd_runtime.keygen import write_private

log = logging.getLogger(__name__)

MUTATING = "linkerd-proxy-injector-webhook-config"
VALIDATING = ("linkerd-sp-validator-webhook-config", "linkerd-policy-validator-webhook-config")
LEASE = "linkerd-proxy-injector"
LACKS_CERTIFICATE = f"serving certificate in Secret {SECRET}"
LACKS_CA_BUNDLE = f"caBundle in MutatingWebhookConfiguration {MUTATING}"
_POLL_SECONDS = 60.0
_RETRY_SECONDS = 2.0


class CertificateKeeper:
    """One of these runs in every replica."""

    def __init__(
        self,
        settings: Settings,
        client: KubeClient,
        directory: Path,
        readiness: Readiness,
        now: Callable[[], datetime],
    ) -> None:
        self.context: tls.ReloadableServerContext | None = None
        self.available = asyncio.Event()
        """Set when there is something to serve with."""
        self._settings = settings
        self._client = client
        self._directory = directory
        self._readiness = readiness
        self._now = now
        self._life = timedelta(milliseconds=settings.certificate_life_ms)
        self._changed = asyncio.Event()
        self._loaded = ""
        readiness.lacks(LACKS_CERTIFICATE)
        readiness.lacks(LACKS_CA_BUNDLE)

    def reflectors(self) -> list[Reflector[JsonObject]]:
        """The watches that wake `run`."""
        watched = [(SECRETS, SECRET), (MUTATING_WEBHOOKS, MUTATING), *((VALIDATING_WEBHOOKS, n) for n in VALIDATING)]
        return [
            waking(
                self._client, self._changed, resource, name, self._settings.namespace if resource.namespaced else None
            )
            for resource, name in watched
        ]

    async def run(self) -> None:
        """Forever."""
        while True:
            self._changed.clear()
            try:
                wait = await self._turn()
            except ApiError as error:
                log.warning("serving certificate: %s", error)
                wait = _RETRY_SECONDS
            await woken(self._changed, wait)

    async def _turn(self) -> float:
        """Look at everything once, and do what has to be done; seconds until the next look."""
        secret = await self._read(SECRETS, SECRET, self._settings.namespace)
        serving = self._usable(secret)
        due = serving is not None and serving.renew_at is not None and self._now() >= serving.renew_at
        if serving is not None:
            self._load(serving)
            await self._trusted(serving.ca)
        if serving is None or due:
            if secret is not None and not ours(secret):
                return _POLL_SECONDS
            await self._make()
            return 0.0
        if serving.renew_at is None:
            return _POLL_SECONDS
        return min(_POLL_SECONDS, max(0.1, (serving.renew_at - self._now()).total_seconds()))

    def _usable(self, secret: JsonObject | None) -> Serving | None:
        if secret is None:
            return None
        try:
            return read_serving(secret, self._settings.namespace, self._now())
        except ValueError as error:
            log.warning("Secret %s: %s", SECRET, error)
            return None

    def _load(self, serving: Serving) -> None:
        """Put it on the listener; connections that are open keep going."""
        if serving.chain == self._loaded:
            return
        chain, key = self._directory / "tls.crt", self._directory / "tls.key"
        write_private(key, serving.key.encode())
        write_private(chain, serving.chain.encode())
        try:
            context = tls.server_context(str(chain), str(key))
        except OSError as error:  # ssl.SSLError is one
            log.warning("Secret %s cannot be served with: %s", SECRET, error)
            return
        if self.context is None:
            self.context = tls.ReloadableServerContext(context)
        else:
            self.context.swap(context)
        self._loaded = serving.chain
        self._readiness.has(LACKS_CERTIFICATE)
        self.available.set()
        log.info("serving certificate loaded, valid until %s", f"{serving.not_after:%Y-%m-%dT%H:%M:%SZ}")

    async def _trusted(self, ca: str) -> None:
        """Write caBundle where it lacks our CA, and read it back."""
        if await self._patch(MUTATING_WEBHOOKS, MUTATING, ca):
            self._readiness.has(LACKS_CA_BUNDLE)
        else:
            self._readiness.lacks(LACKS_CA_BUNDLE)
        for name in VALIDATING:
            await self._patch(VALIDATING_WEBHOOKS, name, ca)

    async def _patch(self, resource: Resource, name: str, ca: str) -> bool:
        """Whether the configuration is there and trusts `ca` now."""
        configuration = await self._read(resource, name)
        if configuration is None:
            return False
        if left_to_cert_manager(configuration):
            return has_ca_bundles(configuration, self._settings.namespace)
        if patch := ca_patch(configuration, self._settings.namespace, ca):
            await self._client.patch(resource.path(name=name), patch, "application/json-patch+json")
            configuration = await self._read(resource, name)
            if configuration is None or ca_patch(configuration, self._settings.namespace, ca):
                log.warning("%s %s does not keep the caBundle that was written", resource.kind, name)
                return False
            log.info("caBundle written to %s %s", resource.kind, name)
        return True

    async def _make(self) -> None:
        """Have the Secret made or renewed, by us or by the replica that was faster."""
        settings = self._settings
        await Leader(self._client, settings.namespace, LEASE, settings.pod_name).once(self._renew, self._until_made())

    async def _until_made(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not await self._due():
                return

    async def _due(self) -> bool:
        """Whether the Secret has to be made or renewed, as it is now."""
        secret = await self._read(SECRETS, SECRET, self._settings.namespace)
        serving = self._usable(secret)
        if serving is None:
            return secret is None or ours(secret)
        return serving.renew_at is not None and self._now() >= serving.renew_at

    async def _renew(self) -> None:
        """Under the Lease, looked at afresh: another replica may have been here."""
        namespace = self._settings.namespace
        secret = await self._read(SECRETS, SECRET, namespace)
        old = self._usable(secret)
        if not await self._due():
            return
        new = make_serving(namespace, self._settings.cluster_domain, self._life, self._now(), old.ca if old else "")
        if old is not None:
            # First the trust, then the certificate: no replica may serve what the API server does not know.
            await self._trusted(new.ca)
        try:
            await self._write(secret, secret_of(namespace, new))
        except Conflict:
            log.info("somebody else was faster; looking again")

    async def _write(self, stored: JsonObject | None, body: JsonObject) -> None:
        namespace = self._settings.namespace
        if stored is None:
            await self._client.create(SECRETS.path(namespace), body)
        else:
            # With the resourceVersion that was read, so that another writer makes it a Conflict.
            await self._client.replace(SECRETS.path(namespace, SECRET), {**stored, "data": body["data"]})
        log.info("made Secret %s", SECRET)

    async def _read(self, resource: Resource, name: str, namespace: str | None = None) -> JsonObject | None:
        return await self._client.find(resource.path(namespace, name))

"""Keeps the listeners reachable for the API server: our certificate, its CA in both caBundles, whose requests count.

Woken by changes of the APIService, the webhook configuration and the API server's own ConfigMap, and every minute.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from linkerd_kube import ApiError, JsonObject, KubeClient, Reflector, waking, woken
from linkerd_kube.resource import Resource
from linkerd_kube.resources import API_SERVICES, CONFIG_MAPS, MUTATING_WEBHOOKS
from linkerd_runtime import pki, tls
from linkerd_runtime.health import Readiness
from linkerd_runtime.keygen import write_private
from linkerd_viz.tap.serving import Serving, bundle_patch, make_serving

log = logging.getLogger(__name__)

API_SERVICE = "v1alpha1.tap.linkerd.io"
WEBHOOKS = "linkerd-tap-injector-webhook-config"
AUTHENTICATION = "extension-apiserver-authentication"
LACKS_FRONT_PROXY = f"requestheader-client-ca-file in ConfigMap kube-system/{AUTHENTICATION}"
_TRUSTING = ((API_SERVICES, API_SERVICE), (MUTATING_WEBHOOKS, WEBHOOKS))
_POLL_SECONDS = 60.0
_RETRY_SECONDS = 2.0


def lacks_bundle(resource: Resource, name: str) -> str:
    """What /ready says meanwhile."""
    return f"caBundle in {resource.kind} {name}"


class Keeper:
    """`api` and `webhook` are the contexts to listen with, once `available` is set."""

    def __init__(
        self,
        client: KubeClient,
        namespace: str,
        life: timedelta,
        directory: Path,
        readiness: Readiness,
        now: Callable[[], datetime],
    ) -> None:
        self.available = asyncio.Event()
        self.api: tls.ReloadableServerContext | None = None
        """Asks clients for certificates, and does not insist: who has none is told why that is not enough."""
        self.webhook: tls.ReloadableServerContext | None = None
        self.allowed_names: frozenset[str] = frozenset()
        """Common names of the API server's front proxy; empty allows any that its CA has signed."""
        self._client = client
        self._namespace = namespace
        self._life = life
        self._directory = directory
        self._readiness = readiness
        self._now = now
        self._changed = asyncio.Event()
        self._serving: Serving | None = None
        self._front_proxy_ca = ""
        readiness.lacks(LACKS_FRONT_PROXY)
        for resource, name in _TRUSTING:
            readiness.lacks(lacks_bundle(resource, name))

    def reflectors(self) -> list[Reflector[JsonObject]]:
        """The watches that wake `run`."""
        watches = [waking(self._client, self._changed, resource, name) for resource, name in _TRUSTING]
        return [*watches, waking(self._client, self._changed, CONFIG_MAPS, AUTHENTICATION, "kube-system")]

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
        """Look at everything once; seconds until the next look."""
        now = self._now()
        ca = await self._read_front_proxy()
        serving = self._serving
        if serving is None or now >= serving.renew_at:
            serving = make_serving(self._namespace, self._life, now)
        # First the trust, then the certificate: nothing is served that the API server does not know.
        trusted = [await self._trust(resource, name, serving.ca) for resource, name in _TRUSTING]
        if ca and (serving is not self._serving or ca != self._front_proxy_ca):
            self._serve(serving, ca)
        if not all(trusted):
            return _RETRY_SECONDS
        return min(_POLL_SECONDS, max(0.1, (serving.renew_at - self._now()).total_seconds()))

    async def _read_front_proxy(self) -> str:
        """The CA of who may speak for others; the last one that could be read."""
        found = await self._client.find(CONFIG_MAPS.path("kube-system", AUTHENTICATION))
        data = (found or {}).get("data") or {}
        try:
            names = json.loads(data.get("requestheader-allowed-names") or "[]")
            ca = pki.pem(*pki.read_certificates(str(data.get("requestheader-client-ca-file") or "")))
            self.allowed_names = frozenset(str(name) for name in names)
        except (ValueError, TypeError) as error:
            log.warning("ConfigMap kube-system/%s cannot be used: %s", AUTHENTICATION, error)
            return self._front_proxy_ca
        return ca

    async def _trust(self, resource: Resource, name: str, ca: str) -> bool:
        """Whether the object is there and trusts `ca` now."""
        found = await self._client.find(resource.path(name=name))
        if found is None:
            self._readiness.lacks(lacks_bundle(resource, name))
            return False
        if patch := bundle_patch(found, self._namespace, ca, self._now()):
            await self._client.patch(resource.path(name=name), patch, "application/json-patch+json")
            log.info("caBundle written to %s %s", resource.kind, name)
        self._readiness.has(lacks_bundle(resource, name))
        return True

    def _serve(self, serving: Serving, front_proxy_ca: str) -> None:
        """From the next handshake on; open connections keep going."""
        # The ssl module reads keys from files only; the directory is memory.
        chain, key = self._directory / "tls.crt", self._directory / "tls.key"
        write_private(key, serving.key.encode())
        write_private(chain, serving.chain.encode())
        try:
            api = tls.server_context(str(chain), str(key), front_proxy_ca)
            webhook = tls.server_context(str(chain), str(key))
        except OSError as error:  # ssl.SSLError is one
            log.warning("cannot serve with the new certificate: %s", error)
            return
        finally:
            key.unlink()
        api.verify_mode = ssl.CERT_OPTIONAL
        if self.api is None or self.webhook is None:
            self.api, self.webhook = tls.ReloadableServerContext(api), tls.ReloadableServerContext(webhook)
        else:
            self.api.swap(api)
            self.webhook.swap(webhook)
        self._serving, self._front_proxy_ca = serving, front_proxy_ca
        self._readiness.has(LACKS_FRONT_PROXY)
        self.available.set()
        log.info("serving certificate made, renewed from %s on", f"{serving.renew_at:%Y-%m-%dT%H:%M:%SZ}")

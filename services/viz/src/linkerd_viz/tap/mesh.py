"""Our certificate of the mesh, and the TLS context that proxies are asked with."""

import asyncio
import logging
import ssl

from linkerd_contract import names
from linkerd_kube import JsonObject, KubeClient, Reflector
from linkerd_kube.resources import CONFIG_MAPS
from linkerd_runtime import tls
from linkerd_runtime.certify import Certifier, CertifySettings, Credentials
from linkerd_runtime.health import Readiness
from linkerd_viz.tap.settings import Settings

log = logging.getLogger(__name__)

LACKS_BUNDLE = f"trust bundle in ConfigMap {names.TRUST_ROOTS_CONFIG_MAP}"
LACKS_CERTIFICATE = "certificate of the mesh not issued yet"


class MeshIdentity:
    """`context` is current, None while there is no certificate. A Reflector's handler for the trust bundle."""

    def __init__(self, settings: Settings, readiness: Readiness) -> None:
        self.context: ssl.SSLContext | None = None
        self._settings = settings
        self._readiness = readiness
        self._bundle = ""
        self._credentials: Credentials | None = None
        self._trusted = asyncio.Event()
        readiness.lacks(LACKS_BUNDLE)
        readiness.lacks(LACKS_CERTIFICATE)

    def reflector(self, client: KubeClient) -> Reflector[JsonObject]:
        """The watch of the trust bundle."""
        selector = f"metadata.name={names.TRUST_ROOTS_CONFIG_MAP}"
        return Reflector(client, CONFIG_MAPS, self, namespace=self._settings.namespace, field_selector=selector)

    async def run(self) -> None:
        """Forever."""
        await self._trusted.wait()
        settings = self._settings
        certify = CertifySettings(
            server_addr=settings.identity_addr,
            server_name=settings.identity_name,
            identity=settings.identity,
            token_file=settings.token_file,
            directory=settings.identity_dir,
            trust_anchors=self._bundle,
        )
        await Certifier(certify, self._on_credentials).run()

    def on_listed(self, objects: list[JsonObject], /) -> None:
        """The ConfigMap, where it is there."""
        for obj in objects:
            self.on_applied(obj)

    def on_applied(self, obj: JsonObject, /) -> None:
        """A bundle."""
        bundle = (obj.get("data") or {}).get(names.TRUST_ROOTS_KEY)
        if isinstance(bundle, str) and bundle.strip():
            self._bundle = bundle
            self._readiness.has(LACKS_BUNDLE)
            self._trusted.set()
            self._swap()

    def on_deleted(self, obj: JsonObject, /) -> None:
        """The last one stays in use."""
        log.warning("ConfigMap %s is gone; its last content stays in use", names.TRUST_ROOTS_CONFIG_MAP)

    def _on_credentials(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._swap()

    def _swap(self) -> None:
        if self._credentials is None:
            return
        # During a rotation either may be the first to hold a new anchor.
        anchors = f"{self._bundle}\n{self._credentials.trust_bundle}"
        try:
            self.context = tls.client_context(anchors, self._credentials.chain_path, self._credentials.key_path)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            log.error("the certificate or the trust bundle cannot be used: %s", error)
            return
        self._readiness.has(LACKS_CERTIFICATE)

"""Calls webhooks: HTTPS to a Service's ClusterIP, verified as SERVICE.NAMESPACE.svc by the caBundle, or to a URL."""

import asyncio
import base64
import logging
import ssl
import uuid
from functools import lru_cache

import aiohttp

from linkerd_sandbox.apiserver import status
from linkerd_sandbox.apiserver.admission import review
from linkerd_sandbox.apiserver.admission.match import Hook
from linkerd_sandbox.apiserver.admission.review import Answer, BadAnswer
from linkerd_sandbox.apiserver.call import Attributes
from linkerd_sandbox.apiserver.objects import JsonObject, decode, dig, dig_map, encode
from linkerd_sandbox.apiserver.store import Store

log = logging.getLogger(__name__)

_DRY_RUN = ("None", "NoneOnDryRun")
_OK = 200
_LARGEST = 8 << 20


@lru_cache(maxsize=64)
def _context(bundle: str) -> ssl.SSLContext:
    if not bundle:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=base64.b64decode(bundle).decode())
    return context


class Caller:
    """Asks webhooks."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    async def ask(
        self, hook: Hook, attributes: Attributes, body: JsonObject | None, old: JsonObject | None
    ) -> Answer | None:
        """The answer; None where the webhook failed and its failurePolicy says to go on. Raises `StatusError`."""
        name = hook.webhook["name"]
        if attributes.call.dry_run and hook.webhook.get("sideEffects") not in _DRY_RUN:
            raise status.bad_request(f'admission webhook "{name}" does not support dry run')
        try:
            answer = await self._exchange(hook, attributes, body, old)
        except (BadAnswer, aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            why = str(error) or type(error).__name__
            if isinstance(error, TimeoutError):
                why = "context deadline exceeded"
            text = f'failed calling webhook "{name}": failed to call webhook: {why}'
            if hook.webhook.get("failurePolicy") == "Ignore":
                log.warning("%s (failurePolicy Ignore: going on)", text)
                return None
            raise status.internal(text) from error
        for warning in answer.warnings:
            attributes.call.warn(warning)
        return answer

    async def _exchange(
        self, hook: Hook, attributes: Attributes, body: JsonObject | None, old: JsonObject | None
    ) -> Answer:
        seconds = hook.webhook.get("timeoutSeconds") or 10
        uid = str(uuid.uuid4())
        asked = encode(review.question(hook, attributes, body, old, uid))
        async with asyncio.timeout(seconds):
            try:
                raw = await self._post(hook, asked, seconds)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if isinstance(error, aiohttp.ClientConnectorError):
                    raise
                raw = await self._post(hook, asked, seconds)  # a kept connection had died
        return review.read(hook, uid, decode(raw))

    async def _post(self, hook: Hook, asked: bytes, seconds: int) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout())
        config = dig_map(hook.webhook, "clientConfig")
        url, name = self._target(config)
        context = _context(config.get("caBundle") or "")
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Host": name}
        if "url" in config:
            del headers["Host"]
        sent = self._session.post(
            url,
            params={"timeout": f"{seconds}s"},
            data=asked,
            headers=headers,
            ssl=context,
            server_hostname=name if "url" not in config else None,
            allow_redirects=False,
        )
        async with sent as response:
            raw = await response.content.read(_LARGEST)
            if response.status != _OK:
                text = raw[:200].decode(errors="replace").strip()
                raise BadAnswer(
                    f"an error on the server ({text!r}) has prevented the request from succeeding ({response.status})"
                )
            return raw

    def _target(self, config: JsonObject) -> tuple[str, str]:
        """The URL to post to, and the name that the server has to prove."""
        if config.get("url"):
            return str(config["url"]), ""
        service = dig_map(config, "service")
        namespace, name, port = service.get("namespace", ""), service.get("name", ""), service.get("port") or 443
        found = self._store.get("services", namespace, name)
        if found is None:
            raise BadAnswer(f'service "{name}" not found')
        address = dig(found.body, "spec", "clusterIP")
        if not address or address == "None":
            raise BadAnswer(f'service "{name}" has no cluster IP')
        if not any(item.get("port") == port for item in found.body["spec"].get("ports") or ()):
            raise BadAnswer(f'no service port {port} found for service "{name}"')
        host = f"[{address}]" if ":" in address else address
        path = str(service.get("path") or "/")
        return f"https://{host}:{port}{path if path.startswith('/') else '/' + path}", f"{name}.{namespace}.svc"

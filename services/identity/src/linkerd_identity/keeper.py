"""Keeps trust current: reads the three objects, makes what is missing under a Lease, hands the issuer to the service.

The decisions are `trust.next_step`; here is the reading, the writing and the waiting. Woken by changes of the Secret
and of the ConfigMap, and every minute.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from linkerd_contract import names
from linkerd_contract.durations import parse_go_duration_ms
from linkerd_identity import trust
from linkerd_identity.api import Authority
from linkerd_identity.authority import Issuer
from linkerd_identity.events import Events
from linkerd_identity.settings import Lives, Settings
from linkerd_identity.trust import Broken, MakeAnchor, MakeIssuer, Publish, Serve, Step
from linkerd_kube import AlreadyExists, ApiError, Conflict, JsonObject, KubeClient, Leader, NotFound, Reflector
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CONFIG_MAPS, SECRETS
from linkerd_runtime.health import Readiness
from linkerd_runtime.values import parse_values

log = logging.getLogger(__name__)

LACKS_API = "no answer from the Kubernetes API yet"
LACKS_TRUST = "trust anchor and issuer"
_POLL_SECONDS = 60.0
_RETRY_SECONDS = 2.0


class _Wake:
    """A Reflector's handler that only says that something changed."""

    def __init__(self, changed: asyncio.Event) -> None:
        self._changed = changed

    def on_listed(self, _objects: list[JsonObject], /) -> None:
        self._changed.set()

    def on_applied(self, _object: JsonObject, /) -> None:
        self._changed.set()

    def on_deleted(self, _object: JsonObject, /) -> None:
        self._changed.set()


class TrustKeeper:
    """One of these runs in every replica; only the Lease's holder writes."""

    def __init__(
        self,
        settings: Settings,
        client: KubeClient,
        signer: Authority,
        readiness: Readiness,
        events: Events,
        on_issuer: Callable[[Issuer], None],
    ) -> None:
        self._settings = settings
        self._client = client
        self._signer = signer
        self._readiness = readiness
        self._events = events
        self._on_issuer = on_issuer
        self._changed = asyncio.Event()
        self._said = ""
        self._leading = False
        readiness.lacks(LACKS_API)

    def reflectors(self) -> list[Reflector[JsonObject]]:
        """What has to run beside `run`: the watches that wake it."""
        wake = _Wake(self._changed)
        return [
            self._reflector(SECRETS, names.ISSUER_SECRET, wake),
            self._reflector(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP, wake),
        ]

    async def run(self) -> None:
        """Forever."""
        await self._read_lives()
        while True:
            self._changed.clear()
            wait = _POLL_SECONDS
            try:
                step = await self._look()
                self._readiness.has(LACKS_API)
                if not self._settle(step):
                    await self._make()
                    wait = 0.0
            except ApiError as error:
                self._lack(str(error), event=False)
                wait = _RETRY_SECONDS
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _look(self) -> Step:
        """Read the objects; the next step."""
        namespace = self._settings.namespace
        secret = await self._read(SECRETS, names.ISSUER_SECRET)
        config_map = await self._read(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP)
        issuer = None if secret is None else trust.read_material(secret)
        bundle = None if config_map is None else trust.read_config_map(config_map)
        anchor = None
        if trust.needs_anchor(issuer, bundle):
            stored = await self._read(SECRETS, names.ANCHOR_SECRET)
            anchor = None if stored is None else trust.read_material(stored)
        log.debug("trust in %s: issuer %s, bundle %s", namespace, issuer is not None, bundle is not None)
        return trust.next_step(trust.State(issuer, bundle, anchor), self._signer.now())

    def _settle(self, step: Step) -> bool:
        """Take what is there; False where something has to be made."""
        if isinstance(step, Serve):
            self._serve(step.issuer)
            return True
        if isinstance(step, Broken):
            # What signed until now goes on: a bad update is refused, not followed.
            self._lack(step.reason, event=True)
            return True
        return False

    def _serve(self, issuer: Issuer) -> None:
        old = self._signer.issuer
        self._signer.issuer = issuer
        for reason in self._readiness.reasons:
            if reason.startswith(LACKS_TRUST):
                self._readiness.has(reason)
        self._said = ""
        if (
            old is None
            or old.chain != issuer.chain
            or old.bundle != issuer.bundle
            or old.pair.certificate != issuer.pair.certificate
        ):
            until = f"{issuer.not_after:%Y-%m-%dT%H:%M:%SZ}"
            log.info("the issuer is in use until %s", until)
            if old is not None:
                self._events.on_deployment("Normal", "IssuerUpdated", f"the issuer was replaced; valid until {until}")
            self._on_issuer(issuer)

    def _lack(self, reason: str, *, event: bool) -> None:
        """Say why there is no trust, or why an update is not taken; once."""
        if reason == self._said:
            return
        self._said = reason
        if self._signer.issuer is None:
            for old in self._readiness.reasons:
                if old.startswith(LACKS_TRUST):
                    self._readiness.has(old)
            self._readiness.lacks(f"{LACKS_TRUST}: {reason}")
            log.warning("no trust yet: %s", reason)
            if event:
                self._events.on_deployment("Warning", "IssuerValidationFailed", reason)
        else:
            log.warning("the issuer stays as it is: %s", reason)
            if event:
                self._events.on_deployment("Warning", "IssuerUpdateSkipped", reason)

    async def _make(self) -> None:
        """Have what is missing made, by us or by the replica that was faster: whichever comes first."""
        self._lack("being made by the replica that holds the Lease linkerd-identity", event=False)
        self._leading = False
        work = asyncio.ensure_future(self._lead())
        try:
            while True:
                changed = asyncio.ensure_future(self._changed.wait())
                await asyncio.wait({work, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if work.done():
                    return await work
                self._changed.clear()
                # Once we lead, `work` ends by itself: cutting it short would leave the Lease held for nothing.
                if not self._leading and isinstance(await self._look(), Serve | Broken):
                    return None
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _lead(self) -> None:
        """Under the Lease: make what is missing, step by step, each looked at afresh."""
        settings = self._settings
        leader = Leader(self._client, settings.namespace, "linkerd-identity", settings.pod_name)
        async with leader:
            self._leading = True
            while not leader.lost.is_set():
                step = await self._look()
                if isinstance(step, Serve | Broken):
                    return
                try:
                    await self._perform(step)
                except (AlreadyExists, Conflict):
                    log.info("somebody else was faster; looking again")

    async def _perform(self, step: MakeAnchor | Publish | MakeIssuer) -> None:
        settings, now = self._settings, self._signer.now()
        if isinstance(step, MakeAnchor):
            pair = trust.make_anchor(settings.namespace, settings.trust_domain, self._signer.lives, now)
            await self._create(SECRETS, trust.secret_of(names.ANCHOR_SECRET, settings.namespace, pair))
        elif isinstance(step, MakeIssuer):
            pair = trust.make_issuer(step.anchor, settings.namespace, settings.trust_domain, self._signer.lives, now)
            await self._create(SECRETS, trust.secret_of(names.ISSUER_SECRET, settings.namespace, pair))
        else:
            await self._publish(trust.config_map_of(settings.namespace, step.bundle))

    async def _create(self, resource: Resource, body: JsonObject) -> None:
        await self._client.create(resource.path(self._settings.namespace), body)
        log.info("made %s %s", resource.kind, body["metadata"]["name"])

    async def _publish(self, body: JsonObject) -> None:
        stored = await self._read(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP)
        if stored is None:
            await self._create(CONFIG_MAPS, body)
            return
        # With the resourceVersion that was read, so that another writer makes it a Conflict.
        data = {**(stored.get("data") or {}), **body["data"]}
        path = CONFIG_MAPS.path(self._settings.namespace, names.TRUST_ROOTS_CONFIG_MAP)
        await self._client.replace(path, {**stored, "data": data})
        log.info("published the trust bundle")

    async def _read(self, resource: Resource, name: str) -> JsonObject | None:
        try:
            return await self._client.get(resource.path(self._settings.namespace, name))
        except NotFound:
            return None

    def _reflector(self, resource: Resource, name: str, wake: _Wake) -> Reflector[JsonObject]:
        # By name: RBAC grants single Secrets, and the API server matches a list's field selector with that.
        return Reflector(
            self._client, resource, wake, namespace=self._settings.namespace, field_selector=f"metadata.name={name}"
        )

    async def _read_lives(self) -> None:
        """Variables come first, then the installation's values, then the defaults."""
        self._signer.lives = self._settings.lives
        while True:
            try:
                config = await self._read(CONFIG_MAPS, names.CONFIG_MAP)
            except ApiError as error:
                self._readiness.has(LACKS_API)
                self._readiness.lacks(LACKS_API)
                log.warning("no answer from the Kubernetes API: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._readiness.has(LACKS_API)
            if config is not None:
                text = str((config.get("data") or {}).get("values", ""))
                self._signer.lives = lives_from_values(text, self._settings.lives, self._settings.lives_given)
            return


def lives_from_values(text: str, lives: Lives, given: frozenset[str]) -> Lives:
    """identity.issuer.issuanceLifetime and clockSkewAllowance of the values; what cannot be read is logged."""
    try:
        values = parse_values(text)
        identity = values.get("identity")
        issuer = identity.get("issuer") if isinstance(identity, dict) else None
        found = issuer if isinstance(issuer, dict) else {}
        changes = {}
        for field, key in (("leaf", "issuanceLifetime"), ("skew", "clockSkewAllowance")):
            if field not in given and (value := found.get(key)):
                changes[field] = timedelta(milliseconds=parse_go_duration_ms(str(value)))
        return replace(lives, **changes)
    except ValueError as error:
        log.warning("ConfigMap %s: %s; defaults are used", names.CONFIG_MAP, error)
        return lives

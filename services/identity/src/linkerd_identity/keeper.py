"""Keeps trust current: reads the three objects, hands the issuer to the service, and has the next step made under a
Lease by whichever replica gets it.

The decisions are `trust.plan`, what they write is `steps`; here is the reading, the writing and the waiting. Two loops:
`looking` (woken by changes of the objects, by the clock, and at least every half `Lives.stale`) never waits for the
Lease, so that a replica that does not lead always serves with what is current; `making` carries out steps.
"""

import asyncio
import functools
import logging
import time
from collections.abc import Callable

from linkerd_contract import names
from linkerd_contract.trust import TrustStatus
from linkerd_identity import status, steps, trust
from linkerd_identity.api import Authority
from linkerd_identity.authority import Issuer
from linkerd_identity.events import Events
from linkerd_identity.installation import lives_from_values
from linkerd_identity.metrics import Metrics
from linkerd_identity.settings import Settings
from linkerd_identity.steps import Mesh, Objects
from linkerd_identity.trust import Plan, Publish, Step
from linkerd_kube import AlreadyExists, ApiError, Conflict, JsonObject, KubeClient, Leader, Reflector, waking, woken
from linkerd_kube.resource import Resource
from linkerd_kube.resources import CONFIG_MAPS, SECRETS
from linkerd_runtime.health import Readiness

log = logging.getLogger(__name__)

LEASE = "linkerd-identity"
LACKS_API = "no answer from the Kubernetes API yet"
LACKS_TRUST = "trust anchor and issuer"
_RETRY_SECONDS = 2.0
_LEAST_SECONDS = 0.05


class TrustKeeper:
    """One of these runs in every replica; only the Lease's holder writes."""

    def __init__(
        self, settings: Settings, client: KubeClient, signer: Authority, readiness: Readiness, events: Events
    ) -> None:
        self._settings = settings
        self._mesh = Mesh(settings.namespace, settings.trust_domain)
        self._client = client
        self._signer = signer
        self._readiness = readiness
        self._events = events
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._unwanted = asyncio.Event()
        self._said = ""
        self.on_issuer: Callable[[Issuer], None] = lambda _issuer: None
        """Called with every other issuer or bundle."""
        self.metrics: Metrics | None = None
        self._state = trust.State()
        self._plan = Plan(refused="not looked at yet")
        readiness.lacks(LACKS_API)

    def reflectors(self) -> list[Reflector[JsonObject]]:
        """What has to run beside `run`: the watches that wake it."""
        watched = ((SECRETS, names.ISSUER_SECRET), (CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP))
        namespace = self._settings.namespace
        return [waking(self._client, self._changed, resource, name, namespace) for resource, name in watched]

    async def run(self) -> None:
        """Forever."""
        await self._read_lives()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._looking(), name="looking")
            tasks.create_task(self._making(), name="making")

    def status(self) -> TrustStatus:
        """For people."""
        return status.of(self._state, self._plan, self._signer.issuer)

    async def _looking(self) -> None:
        poll = self._signer.lives.stale.total_seconds() / 2
        while True:
            self._changed.clear()
            wait = poll
            try:
                asked = time.monotonic()
                _, plan = await self._look()
                self._signer.fresh_until = asked + 2 * poll
                self._readiness.has(LACKS_API)
                self._settle(plan)
                if plan.again is not None:
                    until = (plan.again - self._signer.now()).total_seconds()
                    wait = min(poll, max(_LEAST_SECONDS, until))
            except ApiError as error:
                self._lack(str(error), event=False)
                wait = min(poll, _RETRY_SECONDS)
            await woken(self._changed, wait)

    async def _look(self) -> tuple[Objects, Plan]:
        """Read the objects; what to do."""
        # The Secret first: the bundle that is read after it has at least the anchors that its issuer was made with.
        issuer = await self._read(SECRETS, names.ISSUER_SECRET)
        bundle = await self._read(CONFIG_MAPS, names.TRUST_ROOTS_CONFIG_MAP)
        given = Objects(issuer, bundle).state().given
        anchor = None if given else await self._read(SECRETS, names.ANCHOR_SECRET)
        objects = Objects(issuer, bundle, anchor)
        self._state = objects.state()
        self._plan = trust.plan(self._state, self._signer.lives, self._signer.now())
        return objects, self._plan

    def _settle(self, plan: Plan) -> None:
        """Take what may sign; have made what is to be made."""
        if plan.serve is not None:
            self._serve(plan.serve)
        elif plan.step is not None:
            self._lack(f"being made by the replica that holds the Lease {LEASE}", event=False)
        else:
            # What signed until now goes on: a bad update is refused, not followed.
            self._lack(plan.refused, event=True)
        if plan.step is None:
            self._wanted.clear()
            self._unwanted.set()
        else:
            self._unwanted.clear()
            self._wanted.set()

    def _serve(self, issuer: Issuer) -> None:
        old = self._signer.issuer
        self._signer.issuer = issuer
        self._clear_lack()
        self._said = ""
        if old is not None and old.same(issuer):
            return
        until = f"{issuer.not_after:%Y-%m-%dT%H:%M:%SZ}"
        if old is None or old.pair.certificate != issuer.pair.certificate:
            log.info("the issuer is in use until %s", until)
            if old is not None:
                self._events.on_deployment("Normal", "IssuerUpdated", f"the issuer was replaced; valid until {until}")
        else:
            log.info("the trust bundle has changed")
        self.on_issuer(issuer)

    def _lack(self, reason: str, *, event: bool) -> None:
        """Say why there is no trust, or why an update is not taken; once."""
        if reason == self._said:
            return
        self._said = reason
        if self._signer.issuer is None:
            self._clear_lack()
            self._readiness.lacks(f"{LACKS_TRUST}: {reason}")
            log.warning("no trust yet: %s", reason)
            if event:
                self._events.on_deployment("Warning", "IssuerValidationFailed", reason)
        else:
            log.warning("the issuer stays as it is: %s", reason)
            if event:
                self._events.on_deployment("Warning", "IssuerUpdateSkipped", reason)

    def _clear_lack(self) -> None:
        for reason in self._readiness.reasons:
            if reason.startswith(LACKS_TRUST):
                self._readiness.has(reason)

    async def _making(self) -> None:
        """Have wanted steps made, by us or by the replica that was faster."""
        settings = self._settings
        while True:
            await self._wanted.wait()
            leader = Leader(self._client, settings.namespace, LEASE, settings.pod_name)
            try:
                await leader.once(functools.partial(self._steps, leader), self._unwanted.wait())
            except ApiError as error:
                log.warning("a step of trust could not be made: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _steps(self, leader: Leader) -> None:
        """Under the Lease: step by step, each decided afresh."""
        while not leader.lost.is_set():
            objects, plan = await self._look()
            self._settle(plan)
            if plan.step is None:
                return
            try:
                await self._perform(plan.step, objects)
            except (AlreadyExists, Conflict):
                log.info("somebody else was faster; looking again")

    async def _perform(self, step: Step, objects: Objects) -> None:
        write = steps.write_of(step, objects, self._mesh, self._signer.lives, self._signer.now())
        namespace = self._settings.namespace
        if write.replaces:
            await self._client.replace(write.resource.path(namespace, write.name), write.body)
        else:
            await self._client.create(write.resource.path(namespace), write.body)
        reason, words = steps.SENTENCES[type(step)]
        if self.metrics is not None:
            self.metrics.steps.labels(reason).inc()
        beat = isinstance(step, Publish) and objects.bundle is not None and _same_text(step, objects.bundle)
        log.log(logging.DEBUG if beat else logging.INFO, "%s (%s %s)", words, write.resource.kind, write.name)
        if not beat:
            self._events.on_deployment("Normal", reason, words)

    async def _read(self, resource: Resource, name: str) -> JsonObject | None:
        return await self._client.find(resource.path(self._settings.namespace, name))

    async def _read_lives(self) -> None:
        """Variables come first, then the installation's values, then the defaults."""
        self._signer.lives = self._settings.lives
        while True:
            try:
                config = await self._read(CONFIG_MAPS, names.CONFIG_MAP)
            except ApiError as error:
                log.warning("no answer from the Kubernetes API: %s", error)
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._readiness.has(LACKS_API)
            if config is not None:
                text = str((config.get("data") or {}).get("values", ""))
                self._signer.lives = lives_from_values(text, self._settings.lives, self._settings.lives_given)
            return


def _same_text(step: Publish, config_map: JsonObject) -> bool:
    data: dict[str, object] = config_map.get("data") or {}
    return str(data.get(names.TRUST_ROOTS_KEY, "")).strip() == step.bundle.text.strip()

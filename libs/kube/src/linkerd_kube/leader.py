"""Leader election on a Lease: at most one of several replicas does what must be single.

A leader that cannot renew stops before others may take over: after two thirds of the lease, by its own clock. The
decision is `election`; this is the reading, the writing and the waiting.
"""

import asyncio
import contextlib
import datetime
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.election import Create, Election, Record, Take, Wait
from linkerd_kube.errors import ApiError, Conflict
from linkerd_kube.objects import JsonObject

log = logging.getLogger(__name__)


class Leader:
    """One candidate for the Lease `namespace/name`. `identity` is unique among candidates (the pod's name)."""

    def __init__(
        self, client: KubeClient, namespace: str, name: str, identity: str, *, lease_seconds: float = 15.0
    ) -> None:
        self.lost = asyncio.Event()
        """Set when leadership was lost while it was held by `async with`: stop what must be single."""
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._lease = lease_seconds
        self._retry = lease_seconds / 7.5  # client-go: 15 s lease, 10 s deadline, 2 s retry
        self._deadline = lease_seconds * 2 / 3
        self._election = Election(identity, self._retry)
        self._renewing: asyncio.Task[None] | None = None

    async def run(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Lead whenever it is our turn: `callback` runs while we lead, is cancelled when we stop, and may run again.

        Returns when the callback returns. Its exceptions come out.
        """
        while True:
            async with self:
                work = asyncio.ensure_future(callback())
                lost = asyncio.ensure_future(self.lost.wait())
                try:
                    await asyncio.wait((work, lost), return_when=asyncio.FIRST_COMPLETED)
                    if work.done():
                        return await work
                finally:
                    lost.cancel()
                    work.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await asyncio.wait((work, lost))
            log.warning("lease %s/%s lost; standing for it again", self._namespace, self._name)

    async def once(self, work: Callable[[], Awaitable[None]], unwanted: Coroutine[object, object, object]) -> None:
        """Do `work` once under the Lease, unless `unwanted` returns before it is ours: somebody else was faster.

        Once we lead, `work` ends by itself: cutting it short would leave the Lease held for nothing. Exceptions of both
        come out.
        """
        leading = asyncio.Event()

        async def lead() -> None:
            async with self:
                leading.set()
                await work()

        mine, others = asyncio.ensure_future(lead()), asyncio.ensure_future(unwanted)
        try:
            await asyncio.wait({mine, others}, return_when=asyncio.FIRST_COMPLETED)
            if leading.is_set():
                await asyncio.wait({mine})
            await (mine if mine.done() else others)
        finally:
            for task in (mine, others):
                task.cancel()
            await asyncio.wait({mine, others})

    async def __aenter__(self) -> "Leader":
        self.lost.clear()
        while True:
            seconds = await self._try()
            if seconds is None:
                break
            await asyncio.sleep(seconds * random.uniform(1.0, 1.2))
        log.info("%s leads %s/%s", self._identity, self._namespace, self._name)
        self._renewing = asyncio.create_task(self._renew(time.monotonic()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait((self._renewing,))
            self._renewing = None
        if not self.lost.is_set():
            # Let the next one in at once; it would otherwise wait for the lease to run out.
            with contextlib.suppress(ApiError):
                await self._release()

    async def _renew(self, renewed_at: float) -> None:
        while True:
            await asyncio.sleep(self._retry)
            left = renewed_at + self._deadline - time.monotonic()
            if left <= 0:
                break
            started = time.monotonic()
            try:
                async with asyncio.timeout(left):
                    if await self._try() is None:
                        renewed_at = started
            except TimeoutError:
                break
            if self._election.holder not in ("", self._identity):
                break
        self.lost.set()

    async def _try(self) -> float | None:
        """One attempt to take or keep the Lease: None if we hold it, else the seconds until the next attempt."""
        try:
            lease = await self._find()
            decision = self._election.decide(None if lease is None else _record(lease), time.monotonic())
            if isinstance(decision, Wait):
                return decision.seconds
            await self._write(decision, lease)
        except Conflict:
            return self._retry
        except ApiError as error:
            log.warning("lease %s/%s: %s", self._namespace, self._name, error)
            return self._retry
        return None

    async def _find(self) -> JsonObject | None:
        return await self._client.find(resources.LEASES.path(self._namespace, self._name))

    async def _write(self, decision: Create | Take, lease: JsonObject | None) -> None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: JsonObject = dict((lease or {}).get("spec") or {})
        if spec.get("holderIdentity") != self._identity:
            spec["acquireTime"] = now
        spec |= {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": max(1, round(self._lease)),
            "leaseTransitions": decision.transitions if isinstance(decision, Take) else 0,
            "renewTime": now,
        }
        if isinstance(decision, Create):
            body = {
                "apiVersion": resources.LEASES.api_version,
                "kind": "Lease",
                "metadata": {"name": self._name, "namespace": self._namespace},
                "spec": spec,
            }
            await self._client.create(resources.LEASES.path(self._namespace), body)
        else:
            # resourceVersion in the body makes a race a Conflict.
            await self._client.replace(
                resources.LEASES.path(self._namespace, self._name), {**(lease or {}), "spec": spec}
            )
        self._election.won()

    async def _release(self) -> None:
        lease = await self._find()
        if lease is None or (lease.get("spec") or {}).get("holderIdentity") != self._identity:
            return
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        await self._client.replace(resources.LEASES.path(self._namespace, self._name), {**lease, "spec": spec})


def _record(lease: JsonObject) -> Record:
    spec: JsonObject = lease.get("spec") or {}
    return Record(
        holder=str(spec.get("holderIdentity") or ""),
        renewed=str(spec.get("renewTime") or ""),
        duration_seconds=float(spec.get("leaseDurationSeconds") or 15),
        transitions=int(spec.get("leaseTransitions") or 0),
        version=str((lease.get("metadata") or {}).get("resourceVersion") or ""),
    )

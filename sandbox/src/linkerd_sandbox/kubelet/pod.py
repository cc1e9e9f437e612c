"""One pod on the node, from binding to deletion.

Order, as kubelet's: network and volumes; init containers one by one (a sidecar is an init container with restartPolicy
Always: the next waits for it to have started, not to end); the containers in order, each after the one before has
started; then whatever restarts. At the end: containers first, sidecars after them in reverse order, and the API's
object last. The status is written by one task that joins changes.
"""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Iterable
from itertools import chain, repeat
from pathlib import Path
from typing import Final, TypeVar

from linkerd_kube.errors import ApiError, Conflict, NotFound
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.resources import PODS
from linkerd_sandbox.fields import dig, dig_list
from linkerd_sandbox.kubelet import rootfs
from linkerd_sandbox.kubelet.container import Container, PodContext, hostname_of
from linkerd_sandbox.kubelet.environment import Sources
from linkerd_sandbox.kubelet.node import Node, cpus, memory_bytes, timestamp
from linkerd_sandbox.kubelet.status import ContainerState, PodView, pod_status
from linkerd_sandbox.kubelet.volumes import PodVolumes, VolumeError
from linkerd_sandbox.net import podnet
from linkerd_sandbox.net.ipam import AddressesExhausted
from linkerd_sandbox.net.podnet import PodNamespaces

log = logging.getLogger(__name__)
T = TypeVar("T")
_RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_REFRESH_SECONDS: Final = 60.0
_STATUS_RETRY_SECONDS: Final = 1.0


class Pod:
    """Runs a pod. `run` returns when nothing of it is left, also in the API."""

    def __init__(self, node: Node, pod: JsonObject) -> None:
        self.node = node
        self.pod = pod
        meta = pod["metadata"]
        self.uid = str(meta["uid"])
        self.namespace, self.name = str(meta["namespace"]), str(meta["name"])
        self.ip = ""
        self.namespaces: PodNamespaces | None = None
        self.containers: dict[str, Container] = {}
        self._ref = ObjectRef("Pod", self.name, self.namespace, self.uid)
        self._start_time = timestamp()
        self._failure: tuple[str, str] | None = None
        self._finished = False
        self._dirty = asyncio.Event()
        self._stop = asyncio.Event()
        self._grace: float | None = None
        self._gone = False
        self._supervisors: dict[str, asyncio.Task[None]] = {}
        self._volumes: PodVolumes | None = None
        self._volumes_changed = asyncio.Event()
        self._helpers: list[asyncio.Task[None]] = []
        self._written: JsonObject | None = None

    # -- what the API says ------------------------------------------------------------------------------------------

    def update(self, pod: JsonObject) -> None:
        """A newer version of the object; a deletion time begins the end."""
        self.pod = pod
        if dig(pod, "metadata", "deletionTimestamp"):
            grace = dig(pod, "metadata", "deletionGracePeriodSeconds")
            self._grace = 30.0 if grace is None else float(grace)
            self._stop.set()

    def removed(self) -> None:
        """The object is gone from the API: end at once."""
        self._gone = True
        self._grace = 0.0
        self._stop.set()

    def refresh(self) -> None:
        """A ConfigMap or Secret of the namespace changed."""
        self._volumes_changed.set()

    # -- life -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        status = asyncio.create_task(self._write_statuses())
        try:
            async with asyncio.TaskGroup() as group:
                life = group.create_task(self._live(group))
                await self._stop.wait()
                life.cancel()
                await self._terminate()
                for task in (*self._supervisors.values(), *self._helpers):
                    task.cancel()
        finally:
            status.cancel()
            self._release()
        await self._delete()
        if self._volumes is not None:
            await self._volumes.remove()
        await asyncio.to_thread(shutil.rmtree, self._log_directory, ignore_errors=True)

    @property
    def _log_directory(self) -> Path:
        return self.node.logs / f"{self.namespace}_{self.name}_{self.uid}"

    async def _live(self, group: asyncio.TaskGroup) -> None:
        self._dirty.set()
        context = await self._prepare()
        policy = str(dig(self.pod, "spec", "restartPolicy") or "Always")
        init_policy = "OnFailure" if policy == "Always" else policy
        inits = [(spec, spec.get("restartPolicy") == "Always") for spec in dig_list(self.pod, "spec", "initContainers")]
        for spec, sidecar in inits:
            container = Container(context, spec, *(("sidecar", "Always") if sidecar else ("init", init_policy)))
            self.containers[container.state.name] = container
        for spec in dig_list(self.pod, "spec", "containers"):
            container = Container(context, spec, "app", policy)
            self.containers[container.state.name] = container
        self._dirty.set()
        self._helpers.append(group.create_task(self._refresh_volumes()))
        for spec, sidecar in inits:
            container = self.containers[str(spec["name"])]
            task = self._start(group, container)
            if sidecar:
                await container.started.wait()
                continue
            await asyncio.shield(task)
            if not container.state.succeeded:
                await self._fail()
                return
        apps = [container for container in self.containers.values() if container.state.kind == "app"]
        for container in apps:
            container.state.waiting_reason = "ContainerCreating"
        for container in apps:
            self._start(group, container)
            await container.first_start.wait()
        await asyncio.wait([self._supervisors[container.state.name] for container in apps])
        await self._stop_sidecars(time.monotonic() + context.grace_seconds)
        self._finished = True
        self._dirty.set()

    def _start(self, group: asyncio.TaskGroup, container: Container) -> "asyncio.Task[None]":
        task = self._supervisors[container.state.name] = group.create_task(container.supervise())
        return task

    async def _fail(self) -> None:
        """An init container failed for good: the containers never start."""
        self._finished = True
        await self._stop_sidecars(time.monotonic() + 30.0)
        self._dirty.set()

    async def _prepare(self) -> PodContext:
        """Network and volumes, tried again until they come about."""
        hostname = hostname_of(self.pod)
        namespaces = await self._retried("FailedCreatePodSandBox", lambda: self._make_network(hostname))
        sources = self._sources()
        volumes = self._volumes = PodVolumes(self.node.directory / self.uid, self.pod, self.node.client, sources)
        await self._retried("FailedMount", volumes.prepare)
        aliases = [(str(a["ip"]), list(a.get("hostnames") or [])) for a in dig_list(self.pod, "spec", "hostAliases")]
        resolv = rootfs.resolv_conf(self.namespace, self.node.dns_ip, self.node.domain)
        return PodContext(
            node=self.node,
            pod=self.pod,
            sources=sources,
            volumes=volumes,
            namespaces=namespaces,
            etc=rootfs.etc_files(hostname, self.ip, aliases, resolv),
            log_directory=self._log_directory,
            changed=self._dirty.set,
        )

    async def _make_network(self, hostname: str) -> PodNamespaces:
        self.ip = self.ip or self.node.ipam.take()
        self.namespaces = podnet.create(f"veth{self.uid[:8]}", hostname, self.ip, self.node.ip)
        return self.namespaces

    async def _retried(self, reason: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Tries until it comes about, with an Event each time that it does not."""
        for pause in chain(_RETRY_SECONDS, repeat(_RETRY_SECONDS[-1])):
            try:
                return await attempt()
            except (VolumeError, AddressesExhausted, OSError) as error:
                self.node.events.warning(self._ref, reason, str(error))
            await asyncio.sleep(pause)
        raise AssertionError("the pauses have no end")

    def _initial_states(self) -> list[ContainerState]:
        """Before the containers are made."""
        inits, apps = dig_list(self.pod, "spec", "initContainers"), dig_list(self.pod, "spec", "containers")
        states = [
            ContainerState(str(s["name"]), "sidecar" if s.get("restartPolicy") == "Always" else "init", str(s["image"]))
            for s in inits
        ]
        states += [ContainerState(str(spec["name"]), "app", str(spec["image"])) for spec in apps]
        if not inits:
            for state in states:
                state.waiting_reason = "ContainerCreating"
        return states

    def _sources(self) -> Sources:
        namespace = self.namespace
        return Sources(
            pod=self.pod,
            pod_ip=self.ip,
            node_name=self.node.name,
            node_ip=self.node.ip,
            node_cpus=cpus(),
            node_memory=memory_bytes(),
            config_map=lambda name: self.node.config_map(namespace, name),
            secret=lambda name: self.node.secret(namespace, name),
        )

    async def _refresh_volumes(self) -> None:
        volumes = self._volumes
        assert volumes is not None
        while True:
            self._volumes_changed.clear()
            wait = min(max(volumes.refresh_at - time.monotonic(), 1.0), _REFRESH_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._volumes_changed.wait()
            try:
                await volumes.prepare()
            except VolumeError as error:
                self.node.events.warning(self._ref, "FailedMount", str(error))

    # -- end --------------------------------------------------------------------------------------------------------

    async def _terminate(self) -> None:
        grace = self._grace if self._grace is not None else 30.0
        deadline = time.monotonic() + grace
        apps = [container for container in self.containers.values() if container.state.kind == "app"]
        rest = [container for container in self.containers.values() if container.state.kind == "init"]
        await asyncio.gather(*(container.stop(grace) for container in (*apps, *rest)))
        await self._settle(container.state.name for container in (*apps, *rest))
        await self._stop_sidecars(deadline)
        self._finished = True

    async def _stop_sidecars(self, deadline: float) -> None:
        sidecars = [container for container in self.containers.values() if container.state.kind == "sidecar"]
        for container in reversed(sidecars):
            await container.stop(max(deadline - time.monotonic(), 0.0))
            await self._settle([container.state.name])

    async def _settle(self, names: Iterable[str]) -> None:
        """Waits for supervisors whose containers were stopped, so that their last state is known."""
        tasks = [self._supervisors[name] for name in names if name in self._supervisors]
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)

    def _release(self) -> None:
        for container in self.containers.values():
            if container.process is not None:
                container.process.kill()
            container.log.close()
        if self.namespaces is not None:
            self.namespaces.close()
            self.namespaces = None
        if self.ip:
            self.node.ipam.free(self.ip)

    async def _delete(self) -> None:
        """Takes the object out of the API, now that nothing runs."""
        if self._gone:
            return
        await self._write_status()
        options: JsonObject = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        while not self._gone:
            try:
                await self.node.client.delete(PODS.path(self.namespace, self.name), options)
            except (NotFound, Conflict):
                return
            except ApiError as error:
                log.warning("cannot delete pod %s/%s: %s", self.namespace, self.name, error)
                await asyncio.sleep(_STATUS_RETRY_SECONDS)
            else:
                return

    # -- status -----------------------------------------------------------------------------------------------------

    async def _write_statuses(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if not await self._write_status():
                self._dirty.set()
                await asyncio.sleep(_STATUS_RETRY_SECONDS)

    async def _write_status(self) -> bool:
        """False where it must be tried again."""
        if self._gone:
            return True
        previous = dig(self._written, "conditions") or dig_list(self.pod, "status", "conditions")
        states = [container.state for container in self.containers.values()]
        view = PodView(
            pod=self.pod,
            states=states or self._initial_states(),
            host_ip=self.node.ip,
            pod_ip=self.ip,
            start_time=self._start_time,
            failure=self._failure,
            finished=self._finished,
            previous=previous,
        )
        body = pod_status(view, timestamp())
        if body == self._written:
            return True
        try:
            await self.node.client.patch(PODS.path(self.namespace, self.name, "status"), {"status": body})
        except (NotFound, Conflict):
            return True
        except ApiError as error:
            log.warning("cannot write the status of pod %s/%s: %s", self.namespace, self.name, error)
            return False
        self._written = body
        return True

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
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Final, TypeVar

from linkerd_kube.errors import ApiError, Conflict, NotFound
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.resources import PODS
from linkerd_sandbox.fields import dig, dig_list
from linkerd_sandbox.kubelet import rootfs
from linkerd_sandbox.kubelet.container import Container
from linkerd_sandbox.kubelet.environment import Sources
from linkerd_sandbox.kubelet.node import Node, cpus, memory_bytes, timestamp
from linkerd_sandbox.kubelet.recipe import PodContext, hostname_of
from linkerd_sandbox.kubelet.spawner import StartError
from linkerd_sandbox.kubelet.status import ContainerState, Kind, PodView, pod_status
from linkerd_sandbox.kubelet.volumes import PodVolumes, VolumeError
from linkerd_sandbox.net import podnet
from linkerd_sandbox.net.ipam import AddressesExhausted
from linkerd_sandbox.net.podnet import PodNamespaces

log = logging.getLogger(__name__)
T = TypeVar("T")
_RETRY_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_REFRESH_SECONDS: Final = 60.0
_STATUS_RETRY_SECONDS: Final = 1.0
_STRATEGIC: Final = "application/strategic-merge-patch+json"
"""Conditions are merged by their type: others write theirs beside ours."""


class Pod:
    """Runs a pod. `run` returns when nothing of it is left, also in the API."""

    def __init__(self, node: Node, pod: JsonObject) -> None:
        self.node = node
        self.pod = pod
        meta = pod["metadata"]
        self.uid = str(meta["uid"])
        self.namespace, self.name = str(meta["namespace"]), str(meta["name"])
        self.ips: tuple[str, ...] = ()
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
        self._context: PodContext | None = None
        self._group: asyncio.TaskGroup | None = None
        """Set once the containers are made; from then on ephemeral ones may be added."""

    # -- what the API says ------------------------------------------------------------------------------------------

    def update(self, pod: JsonObject) -> None:
        """A newer version of the object; a deletion time begins the end."""
        before, self.pod = self.pod, pod
        if self._context is not None and self._volumes is not None:
            self._context.pod = self._volumes.pod = pod
            self._context.sources = self._volumes.sources = replace(self._context.sources, pod=pod)
            if any(before["metadata"].get(key) != pod["metadata"].get(key) for key in ("labels", "annotations")):
                self.refresh()
        if dig_list(pod, "spec", "readinessGates"):
            self._dirty.set()
        self._renew_containers()
        if dig(pod, "metadata", "deletionTimestamp"):
            grace = dig(pod, "metadata", "deletionGracePeriodSeconds")
            self._grace = 30.0 if grace is None else float(grace)
            self._stop.set()

    def _renew_containers(self) -> None:
        """A new image ends a container's run; ephemeral containers are started as they come."""
        group = self._group
        if group is None or self._finished or self._stop.is_set():
            return
        for spec in (*dig_list(self.pod, "spec", "initContainers"), *dig_list(self.pod, "spec", "containers")):
            container = self.containers[str(spec["name"])]
            if container.replace(spec) and container.process is not None:
                message = f"Container {container.state.name} definition changed, will be restarted"
                self._helpers.append(group.create_task(container.kill(message)))
        for spec in dig_list(self.pod, "spec", "ephemeralContainers"):
            if str(spec["name"]) not in self.containers:
                self._start(group, self._make(spec, "ephemeral", "Never"))

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
                life = group.create_task(self._live_within_deadline(group))
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

    async def _live_within_deadline(self, group: asyncio.TaskGroup) -> None:
        seconds = dig(self.pod, "spec", "activeDeadlineSeconds")
        try:
            async with asyncio.timeout(None if seconds is None else float(seconds)):
                await self._live(group)
        except TimeoutError:
            message = "Pod was active on the node longer than the specified deadline"
            self.node.events.normal(self._ref, "DeadlineExceeded", message)
            self._failure = ("DeadlineExceeded", message)
            self._dirty.set()
            await self._terminate()
            self._dirty.set()

    def _make(self, spec: JsonObject, kind: Kind, restart_policy: str) -> Container:
        assert self._context is not None
        container = Container(self._context, spec, kind, restart_policy)
        target = str(spec.get("targetContainerName") or "")
        if kind == "ephemeral" and target:
            container.joins = lambda: self._process_of(target)
        self.containers[container.state.name] = container
        return container

    def _process_of(self, name: str) -> int:
        """Raises StartError."""
        container = self.containers.get(name)
        if container is None or container.process is None:
            raise StartError(f"unable to find target container {name}: it does not run")
        return container.process.pid

    async def _live(self, group: asyncio.TaskGroup) -> None:
        self._dirty.set()
        context = self._context = await self._prepare()
        policy = str(dig(self.pod, "spec", "restartPolicy") or "Always")
        init_policy = "OnFailure" if policy == "Always" else policy
        inits = [(spec, spec.get("restartPolicy") == "Always") for spec in dig_list(self.pod, "spec", "initContainers")]
        for spec, sidecar in inits:
            self._make(spec, *(("sidecar", "Always") if sidecar else ("init", init_policy)))
        for spec in dig_list(self.pod, "spec", "containers"):
            self._make(spec, "app", policy)
        self._group = group
        self._renew_containers()
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
        await self._stop_sidecars(time.monotonic() + self._own_grace)
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
            etc=rootfs.etc_files(hostname, self.ips, aliases, resolv),
            log_directory=self._log_directory,
            changed=self._dirty.set,
        )

    async def _make_network(self, hostname: str) -> PodNamespaces:
        self.ips = self.ips or self.node.ipam.take()
        self.namespaces = podnet.create(f"veth{self.uid[:8]}", hostname, self.ips, self.node.ips)
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
            pod_ips=self.ips,
            node_name=self.node.name,
            node_ips=self.node.ips,
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

    @property
    def _own_grace(self) -> float:
        return self._context.grace_seconds if self._context is not None else 0.0

    async def _terminate(self) -> None:
        grace = self._grace if self._grace is not None else self._own_grace
        deadline = time.monotonic() + grace
        apps = [container for container in self.containers.values() if container.state.kind == "app"]
        rest = [one for one in self.containers.values() if one.state.kind in ("init", "ephemeral")]
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
        if self.ips:
            self.node.ipam.free(self.ips)

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
        previous = (*dig_list(self.pod, "status", "conditions"), *dig_list(self._written, "conditions"))
        states = [container.state for container in self.containers.values()]
        view = PodView(
            pod=self.pod,
            states=states or self._initial_states(),
            host_ips=self.node.ips,
            pod_ips=self.ips,
            start_time=self._start_time,
            failure=self._failure,
            finished=self._finished,
            previous=previous,
        )
        body = pod_status(view, timestamp())
        if body == self._written:
            return True
        try:
            path = PODS.path(self.namespace, self.name, "status")
            await self.node.client.patch(path, {"status": _for_patch(body)}, _STRATEGIC)
        except (NotFound, Conflict):
            return True
        except ApiError as error:
            log.warning("cannot write the status of pod %s/%s: %s", self.namespace, self.name, error)
            return False
        self._written = body
        return True


def _for_patch(status: JsonObject) -> JsonObject:
    """A merged condition keeps what the patch leaves out, so a reason that is gone is taken back. PURE."""
    conditions = [{"reason": None, "message": None} | condition for condition in status["conditions"]]
    return dict(status) | {"conditions": conditions}

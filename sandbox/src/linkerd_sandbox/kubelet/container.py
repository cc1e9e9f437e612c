"""One container: its runs, hooks and probes, and the state that they leave.

`supervise` is the whole life: start, watch, restart with back-off, until the restart policy or `stop` ends it. What may
fail before a run (image, configuration) is retried as kubelet does, and shown as the waiting reason.
"""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_sandbox.fields import dig, dig_list, dig_map
from linkerd_sandbox.images import Image, UnknownImage
from linkerd_sandbox.kubelet import environment, hooks, oneuid, probing, rootfs, security
from linkerd_sandbox.kubelet.backoff import CrashBackoff
from linkerd_sandbox.kubelet.environment import ConfigError, Sources
from linkerd_sandbox.kubelet.launch import LaunchSpec
from linkerd_sandbox.kubelet.logs import ContainerLog
from linkerd_sandbox.kubelet.node import Node, timestamp
from linkerd_sandbox.kubelet.spawner import Process, StartError
from linkerd_sandbox.kubelet.status import ContainerState, Kind, Terminated
from linkerd_sandbox.kubelet.volumes import PodVolumes
from linkerd_sandbox.net.podnet import PodNamespaces

_CONFIG_RETRY_SECONDS: Final = 5.0
_PULL_BACKOFF_SECONDS: Final = 10.0
_MIN_KILL_SECONDS: Final = 2.0  # kubelet leaves at least this much after a preStop hook
_FALLBACK_LOG_BYTES: Final = 2048


@dataclass(frozen=True, slots=True)
class PodContext:
    """What a container needs of its pod."""

    node: Node
    pod: JsonObject
    sources: Sources
    volumes: PodVolumes
    namespaces: PodNamespaces
    etc: dict[str, str]
    log_directory: Path
    changed: Callable[[], None]
    """Call when a state changed, so that the status is written."""

    @property
    def grace_seconds(self) -> float:
        value = dig(self.pod, "spec", "terminationGracePeriodSeconds")
        return 30.0 if value is None else float(value)


class Container:
    """A container of a pod, over all of its runs."""

    def __init__(self, context: PodContext, spec: JsonObject, kind: Kind, restart_policy: str) -> None:
        self.context = context
        self.spec = spec
        self.state = ContainerState(str(spec["name"]), kind, str(spec.get("image", "")))
        self.log = ContainerLog(context.log_directory / self.state.name)
        self.process: Process | None = None
        self.first_start: asyncio.Event = asyncio.Event()
        """Set when the first start has come to an end, well or badly: the next container's turn."""
        self.started: asyncio.Event = asyncio.Event()
        self._restart_policy = restart_policy
        self._stopping = asyncio.Event()
        self._backoff = CrashBackoff()
        self._image: Image | None = None
        self._env: dict[str, str] = {}
        meta = context.pod["metadata"]
        kind_path = "containers" if kind == "app" else "initContainers"
        self._ref = ObjectRef("Pod", meta["name"], meta["namespace"], meta["uid"])
        self._where = f"spec.{kind_path}{{{self.state.name}}}"

    # -- the whole life ---------------------------------------------------------------------------------------------

    async def supervise(self) -> None:
        """Returns when the container has ended for good; its state says how."""
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                if not await self._run_once():
                    continue
                if self._stopping.is_set() or not self._restarts():
                    return
                await self._wait_to_restart(self._backoff.delay(time.monotonic() - began))
        finally:
            self.first_start.set()
            self.log.close()

    def _restarts(self) -> bool:
        if self._restart_policy == "Always":
            return True
        return self._restart_policy == "OnFailure" and not self.state.succeeded

    async def _wait_to_restart(self, seconds: float) -> None:
        state = self.state
        if seconds:
            state.last, state.terminated = state.terminated, None
            state.waiting_reason = "CrashLoopBackOff"
            name, meta = state.name, self.context.pod["metadata"]
            pod = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
            state.waiting_message = f"back-off {seconds:g}s restarting failed container={name} pod={pod}"
            self.context.changed()
            message = f"Back-off restarting failed container {name} in pod {pod}"
            self.context.node.events.warning(self._ref, "BackOff", message)
            await self._sleep(seconds)
        else:
            state.last = state.terminated
        state.restart_count += 1

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    # -- one run ----------------------------------------------------------------------------------------------------

    async def _run_once(self) -> bool:
        """A run from start to end; False where it did not come to one and the start is to be tried again."""
        events, name = self.context.node.events, self.state.name
        try:
            spec = self._prepare()
        except UnknownImage as error:
            for reason in ("ErrImagePull", "ImagePullBackOff"):
                await self._hold(reason, "Failed", str(error), _PULL_BACKOFF_SECONDS / 2)
            return False
        except ConfigError as error:
            await self._hold("CreateContainerConfigError", "Failed", str(error), _CONFIG_RETRY_SECONDS)
            return False
        self.state.image_id = self._image.image_id if self._image else ""
        self.state.container_id = f"linkerd-sandbox://{uuid.uuid4().hex}"
        began = timestamp()
        stdout, stderr = self.log.begin(self.state.restart_count)
        try:
            namespaces = self.context.namespaces
            process = await self.context.node.spawner.start(
                spec, stdout, stderr, namespaces=(namespaces.net, namespaces.uts, namespaces.ipc)
            )
        except StartError as error:
            message = f"failed to create containerd task: failed to start container: {error}"
            events.warning(self._ref, "Failed", f"Error: {message}")
            self._ended(128, began, reason="StartError", message=message)
            return True
        finally:
            for fd in (stdout, stderr):
                os.close(fd)
        events.normal(self._ref, "Started", f"Started container {name}")
        await self._attend(process, began)
        return True

    async def _attend(self, process: Process, began: str) -> None:
        """From exec to exit: hooks and probes beside the process."""
        state = self.state
        self.process = process
        if self._stopping.is_set():
            process.kill()  # stopped while it was being started
        state.terminated, state.waiting_message = None, ""
        state.running_since = began
        self.context.changed()
        beside = asyncio.create_task(self._beside(process, time.monotonic()))
        try:
            code = await asyncio.shield(process.exited)
            with contextlib.suppress(TimeoutError):  # a background child may hold the pipes open
                async with asyncio.timeout(1.0):
                    await asyncio.shield(self.log.drained)
        finally:
            beside.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beside
        self.process = None
        self._ended(code, began)

    async def _beside(self, process: Process, started_at: float) -> None:
        """postStart, then the startup probe, then liveness and readiness until the end of the run."""
        hook = dig_map(self.spec, "lifecycle", "postStart")
        if hook and (failure := await hooks.run(hook, self.spec, self.context.sources.pod_ip, self.execute)):
            self.context.node.events.warning(self._ref, "FailedPostStartHook", failure)
            await self.kill("FailedPostStartHook")
            return
        self.first_start.set()
        await probing.attend(self, process, started_at)

    def mark(self, *, started: bool | None = None, ready: bool | None = None) -> None:
        """For the probes: what they found."""
        state = self.state
        before = (state.started, state.ready)
        state.started = state.started if started is None else started
        state.ready = state.ready if ready is None else ready
        if state.started:
            self.started.set()
        if before != (state.started, state.ready):
            self.context.changed()

    def unhealthy(self, kind: str, message: str) -> None:
        self.context.node.events.warning(self._ref, "Unhealthy", f"{kind} probe failed: {message}")

    def _ended(self, code: int, began: str, reason: str = "", message: str = "") -> None:
        state = self.state
        reason = reason or ("Completed" if code == 0 else "Error")
        if code and not message and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            from_log = self.log.last_text(state.restart_count)
            message = from_log[-_FALLBACK_LOG_BYTES:].decode("utf-8", "replace")
        state.terminated = Terminated(code, reason, began, timestamp(), state.container_id, message)
        state.running_since = ""
        state.ready = state.started = False
        self.started.clear()
        self.first_start.set()
        self.context.changed()

    async def _hold(self, reason: str, event: str, message: str, seconds: float) -> None:
        state = self.state
        state.waiting_reason, state.waiting_message = reason, message
        self.context.changed()
        self.context.node.events.warning(self._ref, event, f"Error: {reason}: {message}")
        self.first_start.set()
        await self._sleep(seconds)

    # -- making it --------------------------------------------------------------------------------------------------

    def _prepare(self) -> LaunchSpec:
        """Everything decided about the run. Raises UnknownImage, ConfigError."""
        node, pod = self.context.node, self.context.pod
        image = self._image = node.images().resolve(self.state.image)
        name = self.state.name
        if self.state.restart_count == 0:
            present = f'Container image "{self.state.image}" already present on machine'
            node.events.normal(self._ref, "Pulled", present)
            node.events.normal(self._ref, "Created", f"Created container: {name}")
        path = f"{image.path}:{node.root.path}" if image.path else node.root.path
        base = {"PATH": path, "HOSTNAME": hostname_of(pod), "HOME": "/root"} | dict(image.env)
        base |= {
            "KUBERNETES_SERVICE_HOST": node.api_host,
            "KUBERNETES_SERVICE_PORT": "443",
            "KUBERNETES_SERVICE_PORT_HTTPS": "443",
        }
        marked = image.is_proxy and node.mode == "one-uid"
        self._env = environment.build(self.spec, base | oneuid.ENV if marked else base, self.context.sources)
        command = [environment.expand(str(word), self._env) for word in dig_list(self.spec, "command")]
        args = [environment.expand(str(word), self._env) for word in dig_list(self.spec, "args")]
        argv = image.argv(command, args)
        if not argv:
            raise ConfigError("no command specified")
        return self._launch_spec(oneuid.init_arguments(argv) if marked else argv)

    def _launch_spec(self, argv: Sequence[str]) -> LaunchSpec:
        node, image = self.context.node, self._image
        who = security.resolve(self.context.pod, self.spec, image.user if image else 0, one_uid=node.mode == "one-uid")
        own = [(path, path, "ro") for path in (image.binds if image else ())]
        return LaunchSpec(
            argv=list(argv),
            env=self._env,
            cwd=str(self.spec.get("workingDir") or (image.directory if image else "/")),
            uid=who.uid,
            gid=who.gid,
            groups=list(who.groups),
            bounding=who.bounding,
            ambient=who.ambient,
            no_new_privileges=who.no_new_privileges,
            read_only_root=who.read_only_root,
            symlinks=[list(pair) for pair in node.root.symlinks],
            binds=[list(bind) for bind in rootfs.in_mount_order([*node.root.binds, *own, *self._mounts()])],
            files=self.context.etc,
        )

    def _mounts(self) -> list[tuple[str, str, str]]:
        found: list[tuple[str, str, str]] = []
        for mount in dig_list(self.spec, "volumeMounts"):
            sub_path = str(mount.get("subPath") or "")
            if expression := mount.get("subPathExpr"):
                sub_path = environment.expand(str(expression), self._env)
            try:
                source = self.context.volumes.path(str(mount["name"]), sub_path)
            except KeyError:
                raise ConfigError(f'volume "{mount["name"]}" is not defined') from None
            if sub_path and not source.exists():
                source.mkdir(parents=True)
            found.append((str(source), str(mount["mountPath"]), "ro" if mount.get("readOnly") else "rw"))
        return sorted(found, key=lambda bind: bind[1])  # a mount below another comes after it

    async def execute(self, argv: list[str], stdout: int, stderr: int, stdin: int | None = None) -> Process:
        """Runs a command beside the container's own. Raises StartError."""
        process = self.process
        if process is None:
            raise StartError("container is not running")
        if self._image is not None and argv:
            argv = [self._image.commands.get(argv[0], argv[0]), *argv[1:]]
        return await self.context.node.spawner.start(
            self._launch_spec(argv), stdout, stderr, join=process.pid, stdin=stdin
        )

    # -- ending it --------------------------------------------------------------------------------------------------

    async def kill(self, why: str, grace_seconds: float | None = None) -> None:
        """Ends the current run: preStop, SIGTERM, and SIGKILL when the grace period is over."""
        process = self.process
        if process is None:
            return
        grace = self.context.grace_seconds if grace_seconds is None else grace_seconds
        message = why if " " in why else f"{why}: container will be killed"
        self.context.node.events.normal(self._ref, "Killing", message)
        deadline = time.monotonic() + grace
        hook = dig_map(self.spec, "lifecycle", "preStop")
        if hook and grace > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    failure = await hooks.run(hook, self.spec, self.context.sources.pod_ip, self.execute)
                    if failure:
                        self.context.node.events.warning(self._ref, "FailedPreStopHook", failure)
            deadline = max(deadline, time.monotonic() + _MIN_KILL_SECONDS)
        process.kill(signal.SIGTERM if grace > 0 else signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                await asyncio.shield(process.exited)
        process.kill()

    async def stop(self, grace_seconds: float) -> None:
        """No restart from now on; ends the current run. `supervise` returns soon after."""
        self._stopping.set()
        await self.kill(f"Stopping container {self.state.name}", grace_seconds)


def hostname_of(pod: JsonObject) -> str:
    return str(dig(pod, "spec", "hostname") or pod["metadata"]["name"])[:63].rstrip("-.")

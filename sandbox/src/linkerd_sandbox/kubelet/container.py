"""One container: its runs, hooks and probes, and the state that they leave.

`supervise` is the whole life: start, watch, restart with back-off, until the restart policy or `stop` ends it. What may
fail before a run (image, configuration) is retried as kubelet does, and shown as the waiting reason.
"""

import asyncio
import contextlib
import signal
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Final

from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_sandbox.fields import dig_map
from linkerd_sandbox.images import UnknownImage
from linkerd_sandbox.kubelet import hooks, probing
from linkerd_sandbox.kubelet.backoff import CrashBackoff
from linkerd_sandbox.kubelet.environment import ConfigError
from linkerd_sandbox.kubelet.launch import LaunchSpec
from linkerd_sandbox.kubelet.logs import ContainerLog
from linkerd_sandbox.kubelet.node import timestamp
from linkerd_sandbox.kubelet.recipe import PodContext, Recipe
from linkerd_sandbox.kubelet.spawner import Process, StartError
from linkerd_sandbox.kubelet.status import ContainerState, Kind, Terminated
from linkerd_sandbox.kubelet.stdio import Attachment, Stdio

_CONFIG_RETRY_SECONDS: Final = 5.0
_PULL_BACKOFF_SECONDS: Final = 10.0
_MIN_KILL_SECONDS: Final = 2.0  # kubelet leaves at least this much after a preStop hook
_FALLBACK_LOG_BYTES: Final = 2048
_FIELDS: Final = {"init": "initContainers", "sidecar": "initContainers", "ephemeral": "ephemeralContainers"}


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
        self._recipe: Recipe | None = None
        self._stdio: Stdio | None = None
        self.clock: Mapping[str, str] = {}
        """What sets its clock wrong, for the next run."""
        self.joins: Callable[[], int | None] = lambda: None
        """The process in whose pid namespace it runs, instead of one of its own. Raises StartError."""
        meta = context.pod["metadata"]
        self._ref = ObjectRef("Pod", meta["name"], meta["namespace"], meta["uid"])
        self._where = f"spec.{_FIELDS.get(kind, 'containers')}{{{self.state.name}}}"

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
            recipe = self._recipe = Recipe(self.context, self.spec, self.clock)
            spec = recipe.start()
        except UnknownImage as error:
            for reason in ("ErrImagePull", "ImagePullBackOff"):
                await self._hold(reason, "Failed", str(error), _PULL_BACKOFF_SECONDS / 2)
            return False
        except ConfigError as error:
            await self._hold("CreateContainerConfigError", "Failed", str(error), _CONFIG_RETRY_SECONDS)
            return False
        if self.state.restart_count == 0:
            present = f'Container image "{self.state.image}" already present on machine'
            events.normal(self._ref, "Pulled", present)
            events.normal(self._ref, "Created", f"Created container: {name}")
        self.state.image_id = recipe.image.image_id
        self.state.container_id = f"linkerd-sandbox://{uuid.uuid4().hex}"
        began = timestamp()
        try:
            process = await self._launch(spec)
        except (StartError, OSError) as error:
            message = f"failed to create containerd task: failed to start container: {error}"
            events.warning(self._ref, "Failed", f"Error: {message}")
            self._ended(128, began, reason="StartError", message=message)
            return True
        events.normal(self._ref, "Started", f"Started container {name}")
        await self._attend(process, began)
        return True

    async def _launch(self, spec: LaunchSpec) -> Process:
        """Raises StartError, OSError."""
        stdio = self._stdio = Stdio(self.spec, self.log, self.state.restart_count)
        namespaces = self.context.namespaces
        try:
            return await self.context.node.spawner.start(
                spec,
                stdio.stdout,
                stdio.stderr,
                namespaces=(namespaces.net, namespaces.uts, namespaces.ipc),
                processes_of=self.joins(),
                stdin=stdio.stdin,
            )
        finally:
            stdio.started()

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
        if self._stdio is not None:
            self._stdio.close()
            self._stdio = None
        if not message and self._recipe is not None:
            message = self._recipe.termination_message()
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

    # -- commands and people beside it --------------------------------------------------------------------------------

    async def execute(self, argv: list[str], stdout: int, stderr: int, stdin: int | None = None) -> Process:
        """Runs a command beside the container's own. Raises StartError."""
        process, recipe = self.process, self._recipe
        if process is None or recipe is None:
            raise StartError("container is not running")
        return await self.context.node.spawner.start(recipe.beside(argv), stdout, stderr, join=process.pid, stdin=stdin)

    async def attach(self, *, stdin: bool) -> Attachment:
        """A share in the container's own streams. Raises StartError."""
        if self.process is None or self._stdio is None:
            raise StartError(f"container {self.state.name} is not running")
        return await Attachment(self.process, self._stdio, self.log, stdin=stdin).connect()

    def replace(self, spec: JsonObject) -> bool:
        """The container as it is now written; True where its image changed, which needs another run."""
        changed = spec.get("image") != self.spec.get("image")
        self.spec = spec
        self.state.image = str(spec.get("image", ""))
        return changed

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

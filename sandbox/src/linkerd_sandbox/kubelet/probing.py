"""The probes of a running container: startup first, then liveness and readiness together.

A container that was never ready is asked more often than its period (from 100 ms, growing to the period), so that a
cluster of one machine is ready as soon as its pods are; a failure counts against failureThreshold once a period.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Final

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.fields import dig_map
from linkerd_sandbox.kubelet import hooks, probes
from linkerd_sandbox.kubelet.probes import Result, Tally, Timing
from linkerd_sandbox.kubelet.spawner import Process

if TYPE_CHECKING:
    from linkerd_sandbox.kubelet.container import Container

_FIRST_SECONDS: Final = 0.1
_GROWTH: Final = 1.5


async def attend(container: "Container", process: Process, started_at: float) -> None:
    """Until cancelled at the end of the run, or until a probe has the container killed."""
    spec = container.spec
    if (probe := dig_map(spec, "startupProbe")) and not await _startup(container, probe, started_at):
        return
    container.mark(started=True, ready=None if dig_map(spec, "readinessProbe") else True)
    async with asyncio.TaskGroup() as group:
        if probe := dig_map(spec, "livenessProbe"):
            group.create_task(_liveness(container, probe, started_at))
        if probe := dig_map(spec, "readinessProbe"):
            group.create_task(_readiness(container, probe, started_at))


async def _attempt(container: "Container", probe: JsonObject, timing: Timing) -> Result:
    execute = hooks.prober(container.execute)
    return await probes.run(probe, container.spec, container.context.sources.pod_ip, execute, timing.timeout)


async def _initial_delay(timing: Timing, started_at: float) -> None:
    await asyncio.sleep(max(started_at + timing.initial_delay - time.monotonic(), 0.0))


async def _startup(container: "Container", probe: JsonObject, started_at: float) -> bool:
    timing = Timing.of(probe)
    tally = Tally(timing.success_threshold, timing.failure_threshold)
    await _initial_delay(timing, started_at)
    pause, counted_at = _FIRST_SECONDS, float("-inf")
    while True:
        result = await _attempt(container, probe, timing)
        now = time.monotonic()
        if result.ok:
            if tally.add(True):
                return True
        elif now - counted_at >= timing.period:
            counted_at = now
            if now - started_at > timing.period:  # everybody's first second is a failure: no Event for it
                container.unhealthy("Startup", result.message)
            if tally.add(False) is False:
                await container.kill(f"Container {container.state.name} failed startup probe, will be restarted")
                return False
        pause = min(pause * _GROWTH, timing.period)
        await asyncio.sleep(pause)


async def _liveness(container: "Container", probe: JsonObject, started_at: float) -> None:
    timing = Timing.of(probe)
    tally = Tally(timing.success_threshold, timing.failure_threshold)
    await _initial_delay(timing, started_at)
    grace = probe.get("terminationGracePeriodSeconds")
    while True:
        result = await _attempt(container, probe, timing)
        if not result.ok:
            container.unhealthy("Liveness", result.message)
        if tally.add(result.ok) is False:
            message = f"Container {container.state.name} failed liveness probe, will be restarted"
            await container.kill(message, None if grace is None else float(grace))
            return
        await asyncio.sleep(timing.period)


async def _readiness(container: "Container", probe: JsonObject, started_at: float) -> None:
    timing = Timing.of(probe)
    tally = Tally(timing.success_threshold, timing.failure_threshold)
    await _initial_delay(timing, started_at)
    pause, ever, told_at = _FIRST_SECONDS, False, time.monotonic()
    while True:
        result = await _attempt(container, probe, timing)
        now = time.monotonic()
        if not result.ok and (ever or now - told_at >= timing.period):
            told_at = now
            container.unhealthy("Readiness", result.message)
        change = tally.add(result.ok)
        if change is not None:
            container.mark(ready=change)
            ever = ever or change
        pause = timing.period if ever else min(pause * _GROWTH, timing.period)
        await asyncio.sleep(pause)

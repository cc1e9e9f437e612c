"""The cluster's own parts under fault: each has a gate, and a way to be started afresh.

They share a process, so nothing is sent a signal: `kill` ends a part's connections and starts it again, `pause` lets
its requests hang, the others stand between it and the API (or, for the API server and DNS, between it and everybody).
Containers run on while the kubelet is away, and packets flow while the service proxy is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from linkerd_sandbox.faults.errors import FaultRefused
from linkerd_sandbox.faults.gate import ACTIONS, Gate

NAMES: Final = ("apiserver", "controllers", "kubelet", "dns", "service-proxy")


class Component:
    """A part with its gate. Run its work through `keep`, which starts it again after a `kill`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.gate = Gate()
        self._task: asyncio.Task[None] | None = None
        self._restarting = False

    async def keep(self, work: Callable[[], Awaitable[None]]) -> None:
        """Runs the work until it fails of its own. Raises what it raised."""

        async def once() -> None:
            await work()

        while True:
            self._task = asyncio.create_task(once())
            try:
                await self._task
                return
            except asyncio.CancelledError:
                if not self._restarting:
                    self._task.cancel()
                    await asyncio.gather(self._task, return_exceptions=True)
                    raise
                self._restarting = False

    def kill(self) -> None:
        """Its connections end, and it starts afresh."""
        self.gate.cut()
        if self._task is not None and not self._task.done():
            self._restarting = True
            self._task.cancel()


class Components:
    """All of them, by name."""

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        self.all = {name: Component(name) for name in names}

    def __getitem__(self, name: str) -> Component:
        return self.all[name]

    def act(self, action: str, name: str, amount: float) -> None:
        """Raises FaultRefused."""
        component = self.all[name]
        if action == "kill":
            component.kill()
        elif action in ("heal", "resume"):
            component.gate.set("")
        elif action in ACTIONS:
            component.gate.set(action, amount)
        else:
            raise FaultRefused(f"{action} is for pods: the cluster's own parts share one process and its clock")

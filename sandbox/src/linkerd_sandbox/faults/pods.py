"""Faults of pods: signals to their processes, their links, their clock."""

import signal
from collections.abc import Callable, Iterable
from typing import Final

from linkerd_sandbox.faults import clock
from linkerd_sandbox.faults.errors import FaultRefused
from linkerd_sandbox.faults.network import LinkFaults
from linkerd_sandbox.fields import dig, labels_of
from linkerd_sandbox.kubelet import usage
from linkerd_sandbox.kubelet.container import Container
from linkerd_sandbox.kubelet.pod import Pod

_SIGNALS: Final = {"pause": signal.SIGSTOP, "resume": signal.SIGCONT}
_DEPLOYMENT: Final = ("deploy/", "deployment/")


def chosen(pods: Iterable[Pod], namespace: str, target: str) -> list[Pod]:
    """`NAME`, `pod/NAME`, or every pod of `deploy/NAME`. Raises FaultRefused."""
    here = [pod for pod in pods if pod.namespace == namespace]
    kind = next((prefix for prefix in _DEPLOYMENT if target.startswith(prefix)), "")
    if kind:
        name = target.removeprefix(kind)
        found = [pod for pod in here if name and _deployment_of(pod) == name]
    else:
        name = target.removeprefix("pod/")
        found = [pod for pod in here if pod.name == name][-1:]
    if not found:
        what = "deployment" if kind else "pod"
        raise FaultRefused(f'no pod of {what} "{name}" runs in namespace "{namespace}"')
    return found


def _deployment_of(pod: Pod) -> str:
    """By the names that Deployment and ReplicaSet give: NAME-HASH-SUFFIX."""
    template = labels_of(pod.pod).get("pod-template-hash")
    prefix = str(dig(pod.pod, "metadata", "generateName") or "")
    return prefix.removesuffix(f"-{template}-") if template else ""


def _containers(pod: Pod, name: str) -> list[Container]:
    """Those that run; one of them by name. Raises FaultRefused."""
    if name and name not in pod.containers:
        raise FaultRefused(f'pod {pod.namespace}/{pod.name} has no container "{name}": {", ".join(pod.containers)}')
    found = [one for key, one in pod.containers.items() if one.process is not None and name in ("", key)]
    if not found:
        raise FaultRefused(f"nothing runs in pod {pod.namespace}/{pod.name}" + (f" container {name}" if name else ""))
    return found


class PodFaults:
    """Does it."""

    def __init__(self, pods: Callable[[], Iterable[Pod]], links: LinkFaults) -> None:
        self._pods = pods
        self._links = links

    async def act(self, action: str, target: str, amount: str, where: tuple[str, str]) -> list[str]:
        """`where`: (namespace, container or ""). Gives the names of the pods that it hit. Raises FaultRefused."""
        namespace, container = where
        found = chosen(self._pods(), namespace, target)
        for pod in found:
            await self._one(action, pod, amount, container)
        return [f"{pod.namespace}/{pod.name}" for pod in found]

    async def _one(self, action: str, pod: Pod, amount: str, container: str) -> None:
        match action:
            case "kill":
                for one in _containers(pod, container):
                    if one.process is not None:
                        one.process.kill()
            case "pause" | "resume":
                _signal(_containers(pod, container), _SIGNALS[action])
            case "partition":
                await self._links.partition(self._link(pod))
            case "delay":
                await self._links.delay(self._link(pod), number(action, amount, "milliseconds", 60_000) / 1000)
            case "loss":
                await self._links.lose(self._link(pod), number(action, amount, "percent", 100))
            case "clock":
                _turn_clock(pod, container, clock.environment(clock.library(), clock.seconds(amount)))
            case "heal":
                await self._links.heal(self._link(pod))
                _signal([one for one in pod.containers.values() if one.process is not None], signal.SIGCONT)
                _turn_clock(pod, "", {})
            case _:
                raise FaultRefused(f"{action} is no fault of pods")

    @staticmethod
    def _link(pod: Pod) -> str:
        if pod.namespaces is None:
            raise FaultRefused(f"pod {pod.namespace}/{pod.name} has no network yet")
        return pod.namespaces.link


def _signal(containers: list[Container], number: signal.Signals) -> None:
    for container in containers:
        if container.process is not None:
            usage.signal_members(usage.namespace_of(container.process.pid), number)


def _turn_clock(pod: Pod, name: str, environment: dict[str, str]) -> None:
    """A program gets its clock when it starts, so a container whose clock changes starts again."""
    for container in pod.containers.values():
        if name in ("", container.state.name) and container.clock != environment:
            container.clock = environment
            if container.process is not None:
                container.process.kill()


def number(action: str, text: str, unit: str, most: int) -> int:
    """Raises FaultRefused."""
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise FaultRefused(f"{action}: how many {unit}? A number of at most {most}")
    return int(text)

"""What every pod of this node shares: the services that containers and pods are built with."""

import asyncio
import datetime
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_sandbox.images import ImageTable
from linkerd_sandbox.kubelet.rootfs import RootPlan
from linkerd_sandbox.kubelet.spawner import Spawner
from linkerd_sandbox.net.ipam import Ipam

_MAX_EVENTS: Final = 1000


def timestamp() -> str:
    """Now, as Kubernetes writes times: RFC 3339, UTC, seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def cpus() -> int:
    return len(os.sched_getaffinity(0))


def memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class Events:
    """Events without waiting for them: a bounded queue and one writer; the oldest is dropped when it is full."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder
        self._queue: deque[tuple[ObjectRef, str, str, str]] = deque(maxlen=_MAX_EVENTS)
        self._wake = asyncio.Event()

    def normal(self, involved: ObjectRef, reason: str, message: str) -> None:
        self._put(involved, "Normal", reason, message)

    def warning(self, involved: ObjectRef, reason: str, message: str) -> None:
        self._put(involved, "Warning", reason, message)

    def _put(self, involved: ObjectRef, kind: str, reason: str, message: str) -> None:
        self._queue.append((involved, kind, reason, message))
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._recorder.record(*self._queue.popleft())


@dataclass(frozen=True, slots=True)
class Node:
    """One a supervisor."""

    name: str
    ips: tuple[str, ...]
    """One of each address family; the first is the main one."""
    pod_cidrs: tuple[str, ...]
    dns_ip: str
    domain: str
    api_host: str
    """ClusterIP of the API, for KUBERNETES_SERVICE_HOST."""
    mode: str
    directory: Path
    """Pods' volumes, on the sandbox's own tmpfs."""
    logs: Path
    client: KubeClient
    spawner: Spawner
    images: Callable[[], ImageTable]
    root: RootPlan
    ipam: Ipam
    events: Events
    config_map: Callable[[str, str], JsonObject | None]
    """(namespace, name), from the kubelet's cache."""
    secret: Callable[[str, str], JsonObject | None]

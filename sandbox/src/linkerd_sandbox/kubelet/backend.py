"""What the API server asks of the node: logs of a container, a connection into a pod."""

import asyncio
import time
from collections.abc import AsyncIterator

from linkerd_sandbox.kubelet.agent import Kubelet
from linkerd_sandbox.kubelet.container import Container
from linkerd_sandbox.kubelet.logs import stamp
from linkerd_sandbox.net import podnet


class NodeError(Exception):
    """The node cannot do it; the message is for people."""


class Backend:
    """Implements the API server's NodeBackend."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    def _container(self, namespace: str, pod: str, container: str) -> Container:
        found = self._kubelet.find(namespace, pod)
        if found is None:
            raise NodeError(f'pod "{pod}" is not running on this node')
        if container not in found.containers:
            raise NodeError(f'container "{container}" in pod "{pod}" is waiting to start: ContainerCreating')
        return found.containers[container]

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool = False,
        tail_lines: int | None = None,
        previous: bool = False,
        timestamps: bool = False,
        since_seconds: float | None = None,
    ) -> AsyncIterator[bytes]:
        """Raises NodeError where there is no such container or run."""
        found = self._container(namespace, pod, container)
        run = found.state.restart_count
        if not previous and not found.state.container_id:
            reason = found.state.waiting_reason
            raise NodeError(f'container "{container}" in pod "{pod}" is waiting to start: {reason}')
        if previous:
            if run == 0:
                raise NodeError(f'previous terminated container "{container}" in pod "{pod}" not found')
            run -= 1
        elif not found.state.running and found.state.terminated is None and run:
            run -= 1  # between two runs: the last one's
        since = stamp(time.time() - since_seconds) if since_seconds is not None else ""
        async for piece in found.log.read(
            run=run, follow=follow and not previous, tail_lines=tail_lines, timestamps=timestamps, since=since
        ):
            yield piece

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the port on the pod's loopback, as port-forward does. Raises NodeError, OSError."""
        found = self._kubelet.find(namespace, pod)
        if found is None or found.namespaces is None:
            raise NodeError(f'pod "{pod}" is not running on this node')
        sock = podnet.socket_in(found.namespaces.net)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock)

"""What the API server asks of the node: logs of a container, a connection into a pod."""

import asyncio
from collections.abc import AsyncIterator

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.apiserver.node import Execution, ExecutionFailed
from linkerd_sandbox.apiserver.status import StatusError, bad_request
from linkerd_sandbox.kubelet import execution
from linkerd_sandbox.kubelet.agent import Kubelet
from linkerd_sandbox.kubelet.container import Container
from linkerd_sandbox.kubelet.logs import stamp
from linkerd_sandbox.kubelet.spawner import StartError
from linkerd_sandbox.net import podnet


class Backend:
    """Implements the API server's NodeBackend."""

    def __init__(self) -> None:
        self.kubelet: Kubelet | None = None
        """Set when the kubelet runs; the API server is there before it."""

    def find(self, namespace: str, pod: str) -> JsonObject | None:
        """The pod as the kubelet has it."""
        found = self.kubelet.find(namespace, pod) if self.kubelet is not None else None
        return found.pod if found is not None else None

    def _container(self, namespace: str, pod: str, container: str) -> Container:
        found = self.kubelet.find(namespace, pod) if self.kubelet is not None else None
        if found is None:
            raise bad_request(f'pod "{pod}" is not running on this node')
        if container not in found.containers:
            raise bad_request(f'container "{container}" in pod "{pod}" is waiting to start: ContainerCreating')
        return found.containers[container]

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool,
        tail_lines: int | None,
        previous: bool,
        timestamps: bool,
        since: float | None,
    ) -> AsyncIterator[bytes]:
        """Raises StatusError 400 where there is no such container or run."""
        found = self._container(namespace, pod, container)
        run = found.state.restart_count
        if not previous and not found.state.container_id:
            reason = found.state.waiting_reason
            raise bad_request(f'container "{container}" in pod "{pod}" is waiting to start: {reason}')
        if previous:
            if run == 0:
                raise bad_request(f'previous terminated container "{container}" in pod "{pod}" not found')
            run -= 1
        elif not found.state.running and found.state.terminated is None and run:
            run -= 1  # between two runs: the last one's
        async for piece in found.log.read(
            run=run,
            follow=follow and not previous,
            tail_lines=tail_lines,
            timestamps=timestamps,
            since="" if since is None else stamp(since),
        ):
            yield piece

    async def execute(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> Execution:
        """Raises ExecutionFailed where the container does not run or the command is not there."""
        try:
            found = self._container(namespace, pod, container)
        except StatusError as error:
            raise ExecutionFailed(str(error)) from None
        return await execution.start(found.execute, command, stdin=stdin, tty=tty)

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> Execution:
        """Raises ExecutionFailed where the container does not run."""
        try:
            return await self._container(namespace, pod, container).attach(stdin=stdin)
        except (StatusError, StartError) as error:
            raise ExecutionFailed(str(error)) from None

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the port on the pod's loopback, as port-forward does. Raises OSError."""
        found = self.kubelet.find(namespace, pod) if self.kubelet is not None else None
        if found is None or found.namespaces is None:
            raise ConnectionRefusedError(f"pod {namespace}/{pod} is not running on this node")
        sock = podnet.socket_in(found.namespaces.net)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock)

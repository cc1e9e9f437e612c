"""What the API server asks of the node: logs and connections of pods."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from linkerd_sandbox.apiserver import status


class ExecutionFailed(Exception):
    """A command did not come to run; the message says why."""


class Execution(Protocol):
    """A command that runs in a container."""

    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None
    """None with a terminal, which has one stream for both."""

    async def write(self, data: bytes | None) -> None:
        """To its standard input; None ends it. Raises OSError."""

    def resize(self, columns: int, rows: int) -> None:
        """The terminal's new size."""

    async def wait(self) -> int:
        """Its exit code."""

    def close(self) -> None:
        """Kill it where it still runs; let its streams go."""


class NodeBackend(Protocol):
    """The kubelet's side of pod subresources."""

    def logs(
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
        """Bytes of a container's log, from `since` (Unix seconds) on. Raises `StatusError` 400 where there is none."""

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> Execution:
        """A share in the streams of a running container; `close` leaves it running. Raises `ExecutionFailed`."""

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to a port on the pod's loopback, made in its network namespace. Raises OSError."""

    async def execute(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> Execution:
        """Start a command in a running container. Raises `ExecutionFailed`."""


class NoNode:
    """For an API server that runs alone: there is no node, so there are no logs and no pods to reach."""

    def logs(
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
        """Refuse."""
        raise status.bad_request(
            f'container "{container}" in pod "{pod}" is not available: this API server has no node'
        )

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Refuse."""
        raise ConnectionRefusedError(f"pod {namespace}/{pod} cannot be reached: this API server has no node")

    async def execute(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> Execution:
        """Refuse."""
        raise ExecutionFailed("this API server has no node")

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> Execution:
        """Refuse."""
        raise ExecutionFailed("this API server has no node")

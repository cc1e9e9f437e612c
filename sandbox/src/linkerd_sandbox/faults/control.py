"""The way in: a socket in the sandbox's directory, for the owner only. One JSON object each way, a line.

Request: `{"action", "target", "amount", "namespace", "container"}`; answer: `{"done": [names]}` or `{"error": text}`.
A socket file reaches over namespaces of network and processes, so the host's `linkerd sandbox chaos` needs no nsenter.
"""

import asyncio
import json
import logging
import os
import socket
from pathlib import Path
from typing import Final

from linkerd_sandbox.faults.components import NAMES, Components
from linkerd_sandbox.faults.errors import FaultRefused
from linkerd_sandbox.faults.pods import PodFaults, number

log = logging.getLogger(__name__)
_LONGEST: Final = 4096
_PATIENCE_SECONDS: Final = 5.0
_FIELDS: Final = ("action", "target", "amount", "namespace", "container")


class Control:
    """Serves the socket."""

    def __init__(self, path: Path, components: Components, pods: PodFaults) -> None:
        self._path = path
        self._components = components
        self._pods = pods

    async def run(self) -> None:
        """Forever."""
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        folder = os.open(self._path.parent, os.O_PATH | os.O_CLOEXEC)
        try:
            listener.bind(f"/proc/self/fd/{folder}/{self._path.name}")  # as long as the folder's own name may be
        finally:
            os.close(folder)
        self._path.chmod(0o600)
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=_LONGEST)
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                line = await reader.readline()
            writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
            await writer.drain()
        except (OSError, TimeoutError, ValueError):
            return  # gone, silent, or too long
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            request = json.loads(line)
            action, target, amount, namespace, container = (str(request.get(field) or "") for field in _FIELDS)
        except (ValueError, AttributeError):
            return {"error": "the request is not a JSON object"}
        try:
            done = await self._act(action, target, amount, (namespace or "default", container))
        except FaultRefused as error:
            return {"error": str(error)}
        log.warning("chaos: %s %s %s", action, " ".join(done), amount)
        return {"done": done}

    async def _act(self, action: str, target: str, amount: str, where: tuple[str, str]) -> list[str]:
        if target in NAMES and target not in self._components.all:
            raise FaultRefused(f"{target} is a program of its own here (--kube-apiserver): signal its process")
        if target not in self._components.all:
            return await self._pods.act(action, target, amount, where)
        size = 0.0
        if action == "delay":
            size = number(action, amount, "milliseconds", 60_000) / 1000
        elif action == "loss":
            size = number(action, amount, "percent", 100) / 100
        self._components.act(action, target, size)
        return [target]

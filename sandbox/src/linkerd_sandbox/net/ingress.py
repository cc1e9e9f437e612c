"""Ports of the host's loopback that lead to Services: `up --port 8080:web.emojivoto:80`.

The listeners are made before the namespaces and handed over, as the API's is; a connection goes to the ClusterIP, so
that the service proxy chooses the pod.
"""

import asyncio
import contextlib
import logging
import re
import socket
from typing import Final, NamedTuple

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError
from linkerd_kube.resources import SERVICES
from linkerd_sandbox.fields import dig, dig_list

log = logging.getLogger(__name__)
_SPEC: Final = re.compile(r"(\d{1,5}):([a-z0-9-]+)\.([a-z0-9-]+):([a-z0-9-]+)")
_CHUNK: Final = 64 << 10
_relays: Final[set["asyncio.Task[object]"]] = set()


class Forward(NamedTuple):
    """One port of the host."""

    host_port: int
    service: str
    namespace: str
    port: str
    """Number or name of the Service's port."""


def parse(text: str) -> Forward:
    """`HOST_PORT:SERVICE.NAMESPACE:PORT`. Raises ValueError."""
    found = _SPEC.fullmatch(text)
    if found is None or not 0 < int(found[1]) < 1 << 16:
        raise ValueError(
            f"{text}: must be the API's port, or HOST_PORT:SERVICE.NAMESPACE:PORT as in 8080:web.emojivoto:80"
        )
    return Forward(int(found[1]), found[2], found[3], found[4])


class Ingress:
    """Serves the forwarded ports."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def start(self, listener: socket.socket, forward: Forward) -> None:
        """Accept from now on."""
        listener.setblocking(False)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(forward, reader, writer)

        await asyncio.start_server(serve, sock=listener)

    async def _address(self, forward: Forward) -> tuple[str, int]:
        """Raises ApiError, OSError."""
        service = await self._client.get(SERVICES.path(forward.namespace, forward.service))
        for port in dig_list(service, "spec", "ports"):
            if forward.port in (str(port.get("port")), port.get("name")):
                return str(dig(service, "spec", "clusterIP")), int(port["port"])
        raise OSError(f"service {forward.service}.{forward.namespace} has no port {forward.port}")

    async def _serve(self, forward: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await relay(reader, writer, await self._address(forward))
        except (OSError, ApiError) as error:
            log.warning("port %d: %s", forward.host_port, error)
            writer.close()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: tuple[str, int]) -> None:
    """Bytes both ways between a connection and a new one to `address`, until both sides end. Raises OSError."""
    inner_reader, inner_writer = await asyncio.open_connection(*address)
    task = asyncio.current_task()
    assert task is not None
    _relays.add(task)  # once its client is gone asyncio itself holds it no more
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, inner_writer))
            group.create_task(_copy(inner_reader, writer))
    finally:
        _relays.discard(task)
        for one in (writer, inner_writer):
            one.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

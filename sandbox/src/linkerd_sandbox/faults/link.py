"""A part's way to the API: connections that pass its gate, and that can be cut."""

import ssl
import weakref
from typing import TYPE_CHECKING

import aiohttp
from aiohttp.connector import Connection

from linkerd_sandbox.faults.gate import Gate, Severed

if TYPE_CHECKING:
    from aiohttp.client import ClientRequest, ClientTimeout
    from aiohttp.tracing import Trace


class GatedConnector(aiohttp.TCPConnector):
    """aiohttp asks it for a connection at each request, pooled ones included."""

    def __init__(self, gate: Gate, context: ssl.SSLContext) -> None:
        super().__init__(ssl=context, limit=0)
        self._gate = gate
        self._live: weakref.WeakSet[Connection] = weakref.WeakSet()
        gate.cut = self.cut

    async def connect(self, req: "ClientRequest", traces: "list[Trace]", timeout: "ClientTimeout") -> Connection:
        try:
            await self._gate.enter()
        except Severed as error:
            raise aiohttp.ClientConnectionError(str(error)) from error
        connection = await super().connect(req, traces, timeout)
        self._live.add(connection)
        return connection

    def cut(self) -> None:
        """Ends what is under way."""
        for connection in tuple(self._live):
            if connection.transport is not None:
                connection.transport.abort()

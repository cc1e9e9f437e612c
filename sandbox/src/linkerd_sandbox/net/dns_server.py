"""Cluster DNS over UDP and TCP, in the supervisor's loop: a question is a dictionary look-up."""

import asyncio
import contextlib
import errno
import logging
from typing import Final, cast

from linkerd_sandbox.faults.gate import Gate, Severed
from linkerd_sandbox.net import dns_wire
from linkerd_sandbox.net.dns_zone import Zone

log = logging.getLogger(__name__)
_TCP_IDLE_SECONDS: Final = 10.0
_MAX_MESSAGE: Final = 65535
_MAX_LATE: Final = 1000
"""Questions that wait for a fault to end; more are lost."""


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone, gate: Gate) -> None:
        self._zone = zone
        self._gate = gate
        self._late: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self._gate.faulty:
            self._reply(data, addr)
        elif len(self._late) < _MAX_LATE:
            task = asyncio.create_task(self._reply_late(data, addr))
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    def _reply(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = _answer(self._zone, data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)

    async def _reply_late(self, data: bytes, addr: tuple[str, int]) -> None:
        with contextlib.suppress(Severed):
            await self._gate.enter()
            self._reply(data, addr)


def _answer(zone: Zone, data: bytes, *, udp: bool) -> bytes | None:
    try:
        query = dns_wire.parse(data)
    except dns_wire.BadQuery as error:
        return error.reply
    return zone.answer(query, limit=query.max_size if udp else _MAX_MESSAGE)


class DnsServer:
    """Serves a zone on one address, port 53."""

    def __init__(self, zone: Zone, gate: Gate | None = None) -> None:
        """`gate`: what `linkerd sandbox chaos` puts before every answer."""
        self._zone = zone
        self._gate = gate or Gate()
        self._transport: asyncio.BaseTransport | None = None
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int = 53) -> None:
        """Port 0: one that the kernel chooses, for both UDP and TCP. Raises OSError."""
        loop = asyncio.get_running_loop()
        while True:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._zone, self._gate), (host, port))
            self.port = int(transport.get_extra_info("sockname")[1])
            try:
                self._server = await asyncio.start_server(self._serve_tcp, host, self.port)
            except OSError as error:
                transport.close()
                # What is free for UDP may be taken for TCP: another one, where any will do.
                if port or error.errno != errno.EADDRINUSE:
                    raise
            else:
                self._transport = transport
                return

    async def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(_TCP_IDLE_SECONDS):
                    length = int.from_bytes(await reader.readexactly(2))
                    data = await reader.readexactly(length)
                await self._gate.enter()
                reply = _answer(self._zone, data, udp=False)
                if reply is None:
                    return
                writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

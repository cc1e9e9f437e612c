"""Cluster DNS over UDP and TCP, in the supervisor's loop: a question is a dictionary look-up."""

import asyncio
import logging
from typing import Final, cast

from linkerd_sandbox.net import dns_wire
from linkerd_sandbox.net.dns_zone import Zone

log = logging.getLogger(__name__)
_TCP_IDLE_SECONDS: Final = 10.0
_MAX_MESSAGE: Final = 65535


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = _answer(self._zone, data, udp=True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


def _answer(zone: Zone, data: bytes, *, udp: bool) -> bytes | None:
    try:
        query = dns_wire.parse(data)
    except dns_wire.BadQuery as error:
        return error.reply
    return zone.answer(query, limit=query.max_size if udp else _MAX_MESSAGE)


class DnsServer:
    """Serves a zone on one address, port 53."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.BaseTransport | None = None
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int = 53) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._zone), (host, port))
        bound = self._transport.get_extra_info("sockname")[1]
        self._server = await asyncio.start_server(self._serve_tcp, host, bound)
        self.port = int(bound)

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
                reply = _answer(self._zone, data, udp=False)
                if reply is None:
                    return
                writer.write(len(reply).to_bytes(2) + reply)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

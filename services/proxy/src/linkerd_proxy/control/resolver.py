"""Names of the control plane, resolved by the system and counted: control_dns_resolutions_total."""

import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from linkerd_proxy.telemetry.registry import Counter, Family

_NOT_FOUND = frozenset((socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)))
RECORD_TYPE = "A/AAAA"
"""Both at once: the system's resolver is asked for addresses (Linkerd asks for SRV records first)."""


class CountedResolver(AbstractResolver):
    """For aiohttp's connectors. Addresses are not resolved, and not counted."""

    def __init__(self, resolutions: Family[Counter], client: str) -> None:
        """`client`: who asks ("identity", "destination"). To be made within the event loop."""
        self._inner = ThreadedResolver()
        self._resolutions = resolutions
        self._client = client

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises OSError."""
        try:
            found = await self._inner.resolve(host, port, family)
        except OSError as error:
            self._count("not_found" if error.errno in _NOT_FOUND else "error")
            raise
        self._count("ok" if found else "not_found")
        return found

    async def close(self) -> None:
        """Nothing is held."""

    def _count(self, result: str) -> None:
        self._resolutions.labels(self._client, RECORD_TYPE, result).value += 1

"""The service proxy: follows Services and EndpointSlices, and keeps the kernel's rules in step. An API client."""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.objects import JsonObject
from linkerd_kube.reflector import Reflector
from linkerd_kube.resources import ENDPOINT_SLICES, SERVICES
from linkerd_sandbox.net.dns_zone import Zone
from linkerd_sandbox.net.rules import Family, Names, names, render
from linkerd_sandbox.net.services import VirtualPort, virtual_ports

log = logging.getLogger(__name__)
_SETTLE_SECONDS: Final = 0.02
"""Changes that come together are written together; each run of nft takes some 5 ms."""
_RETRY_SECONDS: Final = 1.0


class MissingTool(Exception):
    """A program that the sandbox needs is not installed; the message names the package."""


def find_tool(name: str, package: str, path: str) -> str:
    """The program's path; /usr/sbin is not on a user's PATH. Raises MissingTool."""
    found = shutil.which(name, path=f"{path}:/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        raise MissingTool(f"{name} is not installed: sudo apt-get install {package}")
    return found


class Dirty:
    """A reflector's handler that only says that something changed."""

    def __init__(self, proxier: "Proxier") -> None:
        self._proxier = proxier

    def on_listed(self, _objs: list[JsonObject], /) -> None:
        self._proxier.touch()

    def on_applied(self, _obj: JsonObject, /) -> None:
        self._proxier.touch()

    def on_deleted(self, _obj: JsonObject, /) -> None:
        self._proxier.touch()


class Proxier:
    """Rules for ClusterIPs, and the DNS zone from the same objects."""

    def __init__(self, client: KubeClient, nft: str, families: Sequence[Family], zone: Zone) -> None:
        self._nft = nft
        self._families = families
        self._zone = zone
        self._changed = asyncio.Event()
        self._services = Reflector(client, SERVICES, Dirty(self))
        self._slices = Reflector(client, ENDPOINT_SLICES, Dirty(self))
        self._applied: list[VirtualPort] | None = None
        self._names: dict[str, Names] = {}

    def touch(self) -> None:
        self._zone.replace(self._services.objects, self._slices.objects)
        self._changed.set()

    async def run(self) -> None:
        """Forever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services.run())
            group.create_task(self._slices.run())
            await self._services.synced.wait()
            await self._slices.synced.wait()
            while True:
                await self._changed.wait()
                await asyncio.sleep(_SETTLE_SECONDS)
                self._changed.clear()
                ports = virtual_ports(self._services.objects(), self._slices.objects())
                if ports != self._applied and not await self.apply(ports):
                    self._changed.set()
                    await asyncio.sleep(_RETRY_SECONDS)

    async def apply(self, ports: list[VirtualPort]) -> bool:
        """Loads the rules; False where nft refused them (they then stay as they were)."""
        script = "".join(render(ports, family, self._names.get(family.name)) for family in self._families)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(self._nft, "-f", "-", stdin=pipe, stderr=pipe)
        _, errors = await process.communicate(script.encode())
        if process.returncode:
            log.error("nft: %s", errors.decode("utf-8", "replace").strip())
            return False
        self._applied = ports
        for family in self._families:
            own = (port for port in ports if port.family == family.name and port.address not in family.local)
            self._names[family.name] = names(own)
        return True

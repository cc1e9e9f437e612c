"""Sidecars as processes of their own, against the testkit's control plane."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from services.proxy.tests.mesh import SERVICE, document, inbound_document

from linkerd_runtime.settings import Addr
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually, free_port
from linkerd_testkit.processes import Process, running

PROXY = [sys.executable, "-m", "linkerd_proxy"]
START_SECONDS = 60.0


class Sidecar:
    """One process, and where it listens."""

    def __init__(self, process: Process, admin: int, inbound: int, outbound: int) -> None:
        self.process = process
        self.admin = admin
        self.inbound = ("127.0.0.1", inbound)
        self.outbound = ("127.0.0.1", outbound)

    async def get(self, path: str) -> tuple[int, str]:
        """An answer of the admin server."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.admin}{path}") as answer:
            return answer.status, await answer.text()

    async def post(self, path: str) -> int:
        """The status of an answer of the admin server."""
        async with aiohttp.ClientSession() as session, session.post(f"http://127.0.0.1:{self.admin}{path}") as answer:
            return answer.status

    async def ready(self) -> bool:
        """Whether it says so."""
        try:
            return (await self.get("/ready"))[0] == 200
        except aiohttp.ClientError:
            return False

    async def sample(self, name: str, *labels: str) -> float:
        """The sum of all samples of a name whose label sets have all of these."""
        _, text = await self.get("/metrics")
        total = 0.0
        for line in text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(label in series for label in labels):
                total += float(value)
        return total


@asynccontextmanager
async def sidecar(
    control_plane: FakeControlPlane, directory: Path, account: str, app: tuple[str, int], **more: str
) -> AsyncIterator[Sidecar]:
    """A process in front of an application; it may not be ready yet."""
    ports = [free_port() for _ in range(3)]
    env = control_plane.environment(account, "emojivoto", directory / account)
    variables = {
        "ADMIN_LISTEN_ADDR": f"127.0.0.1:{ports[0]}",
        "INBOUND_LISTEN_ADDR": f"127.0.0.1:{ports[1]}",
        "OUTBOUND_LISTEN_ADDR": f"127.0.0.1:{ports[2]}",
        "INBOUND_ORIGINAL_DST": str(Addr(*app)),
        "OUTBOUND_ORIGINAL_DST": SERVICE,
        "SHUTDOWN_GRACE_PERIOD": "5s",
        "LOG": "info",
    }
    whole = {**os.environ, **env, **{f"LINKERD2_PROXY_{k}": v for k, v in (variables | more).items()}}
    async with running(*PROXY, env=whole) as process:
        yield Sidecar(process, *ports)


@asynccontextmanager
async def pair(directory: Path, app: tuple[str, int], **more: str) -> AsyncIterator[tuple[Sidecar, Sidecar]]:
    """A client's and a server's sidecar, meshed and ready."""
    async with (
        FakeControlPlane() as control_plane,
        sidecar(control_plane, directory, "voting", app, **more) as server,
        sidecar(control_plane, directory, "web", app, **more) as client,
    ):
        for side in (server, client):
            await eventually(side.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        await control_plane.watch.set_outbound(SERVICE, document([Addr(*server.inbound)]))
        yield client, server

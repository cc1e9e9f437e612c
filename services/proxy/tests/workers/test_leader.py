"""Two workers as processes: one proxy to its clients, its metrics added up, workers that end started again."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest
from services.proxy.tests import apps
from services.proxy.tests.mesh import SERVICE, credentials, document, inbound_document
from services.proxy.tests.running import START_SECONDS, Sidecar, sidecar

from linkerd_contract import codec
from linkerd_contract.codec import decode
from linkerd_contract.explain import DECISIONS_PATH, DecisionTrace, ProxyErrorLine
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import ProtocolHint
from linkerd_contract.tap import TAP_PATH, TapEvent, TapMatch, TapRequest
from linkerd_runtime.settings import Addr
from linkerd_runtime.tls import client_context
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually, free_port

VIZ = identity_name("tap", "linkerd-viz")
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is one worker")
CONNECTIONS = 40
"""The kernel spreads them by a hash: that all of them come to one of two workers has a chance of 1 in 10^11."""


def arguments(pid: int) -> bytes:
    """Of a process, each with a zero byte behind it. Empty once it has ended, reaped or not."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def followers(proxy: Sidecar) -> list[int]:
    """Processes of the workers that this proxy has started."""
    children = Path(f"/proc/{proxy.process.pid}/task/{proxy.process.pid}/children").read_text().split()
    return [int(pid) for pid in children if b"\0follow\0" in arguments(int(pid))]


async def total(proxy: Sidecar, name: str, *labels: str) -> float:
    """The sum of a family's samples that have these labels."""
    _, text = await proxy.get("/metrics")
    lines = [line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name]
    return sum(float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in labels))


async def load(proxy: Sidecar) -> None:
    for _ in range(CONNECTIONS):
        async with apps.client(proxy.outbound) as connection:
            assert (await connection.get("/hello")).status == 200


@TWO_CORES
async def test_two_workers(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "voting", app) as server,
        sidecar(control_plane, tmp_path, "web", app, CORES="2") as client,
    ):
        await eventually(server.ready, seconds=START_SECONDS)
        await eventually(client.ready, seconds=START_SECONDS)
        await control_plane.watch.set_inbound(inbound_document())
        await control_plane.watch.set_outbound(SERVICE, document([Addr(*server.inbound)]))
        await load(client)
        assert await total(client, "request_total") == CONNECTIONS
        # One connection between the proxies for each worker: both have carried requests.
        assert await total(server, "tcp_open_connections", 'direction="inbound"', 'peer="src"') == 2

        (before,) = followers(client)
        os.kill(before, signal.SIGSTOP)
        # Its sockets still take connections, so no request is made; what it has counted is there.
        assert await total(client, "request_total") == CONNECTIONS
        os.kill(before, signal.SIGKILL)
        await client.process.says("worker 2 ended with SIGKILL: another one starts")

        async def another() -> bool:
            return followers(client) not in ([], [before]) and await client.ready()

        await eventually(another, seconds=START_SECONDS)
        assert await total(client, "proxy_worker_restarts_total") == 1
        assert await total(client, "request_total") == CONNECTIONS
        await load(client)
        assert await total(client, "request_total") == 2 * CONNECTIONS

        async with aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{client.admin}/proxy-log-level"
            async with session.put(url, data="debug") as answer:
                assert answer.status == 204
        (after,) = followers(client)
        async with apps.client(client.outbound) as connection:
            assert (await connection.get("/hello")).status == 200
            client.process.send(signal.SIGTERM)
            assert await connection.ended() == b""
        assert await client.process.wait() == 0
        assert not arguments(after)


async def test_traces_of_all_workers_are_found_by_their_ids(tmp_path: Path) -> None:
    gone = apps.nobody()
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "web", app, CORES="2") as client,
    ):
        await eventually(client.ready, seconds=START_SECONDS)
        refused = document([Addr(*gone)], identity=None, hint=ProtocolHint.none)
        await control_plane.watch.set_outbound(SERVICE, refused)
        ids = []
        for _ in range(CONNECTIONS):
            async with apps.client(client.outbound) as connection:
                answer = await connection.get("/hello")
                ids.append(ProxyErrorLine.parse(answer.fields["l5d-proxy-error"]).id)
        assert len(set(ids)) == CONNECTIONS
        for identifier in ids:
            status, text = await client.get(f"{DECISIONS_PATH}/{identifier}")
            assert (status, decode(text, DecisionTrace).id) == (200, identifier)
        _, listed = await client.get(DECISIONS_PATH)
        assert {trace.id for trace in decode(listed, list[DecisionTrace])} == set(ids)


@TWO_CORES
async def test_a_tap_sees_the_requests_of_all_workers(tmp_path: Path) -> None:
    port = free_port()
    tap = {"CONTROL_LISTEN_ADDR": f"127.0.0.1:{port}", "TAP_SVC_NAME": VIZ}
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "web", app, CORES="2", **tap) as proxy,
    ):
        await eventually(proxy.ready, seconds=START_SECONDS)
        direct = document([Addr(*app)], identity=None, hint=ProtocolHint.none)
        await control_plane.watch.set_outbound(SERVICE, direct)
        viz = credentials(control_plane.authority, tmp_path / "viz", VIZ)
        context = client_context(control_plane.authority.anchors, viz.chain_path, viz.key_path)
        request = codec.encode(TapRequest(limit=10_000, match=TapMatch(path_prefix="/hello"), max_rps=1e6))
        seen: list[TapEvent] = []
        begun = asyncio.Event()

        async def tapped() -> None:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"https://127.0.0.1:{port}{TAP_PATH}",
                    data=request,
                    ssl=context,
                    server_hostname=identity_name("web", "emojivoto"),
                ) as answer,
            ):
                assert answer.status == 200, await answer.text()
                begun.set()
                while line := await answer.content.readline():
                    if line.strip():
                        seen.append(decode(line, TapEvent))

        async def is_seen() -> bool:
            """Whether a new connection's request comes up."""
            async with apps.client(proxy.outbound) as connection:
                source = connection.writer.get_extra_info("sockname")[1]
                assert (await connection.get("/hello")).status == 200
            with suppress(TimeoutError):
                await eventually(lambda: source in {event.source.port for event in seen}, seconds=1)
                return True
            return False

        tapping = asyncio.create_task(tapped())
        try:
            await asyncio.wait_for(begun.wait(), START_SECONDS)
            in_a_row = 0
            async with asyncio.timeout(START_SECONDS):
                # The other worker hears of the tap a moment later. By chance the first worker would have so many
                # connections in a row once in 16,000 times.
                while in_a_row < 14:
                    in_a_row = in_a_row + 1 if await is_seen() else 0
        finally:
            tapping.cancel()
            with suppress(asyncio.CancelledError):
                await tapping
        streams = {event.stream for event in seen}
        assert sorted(streams) == list(range(1, len(streams) + 1))


@TWO_CORES
async def test_a_worker_whose_first_one_is_gone_ends(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        apps.echo_app() as app,
        sidecar(control_plane, tmp_path, "web", app, CORES="2") as client,
    ):
        await eventually(client.ready, seconds=START_SECONDS)
        orphans = followers(client)
        assert len(orphans) == 1
        client.process.send(signal.SIGKILL)
        await client.process.wait()
        await eventually(lambda: not any(map(arguments, orphans)), seconds=START_SECONDS)

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
from services.proxy.tests.mesh import Discovery, document

from linkerd_contract.outbound import Backend
from linkerd_contract.watch import WatchCode, WatchError
from linkerd_proxy.addrs import OrigDst
from linkerd_proxy.errors import DiscoveryFailed
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.discover import Discover, forward_document, networks_filter
from linkerd_proxy.outbound.endpoint import EndpointFactory
from linkerd_proxy.settings import Settings
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually

DST = OrigDst(Addr("10.0.0.1", 80))
ENV = {"LINKERD2_PROXY_IDENTITY_DISABLED": "1", "LINKERD2_PROXY_DESTINATION_SVC_ADDR": "127.0.0.1:1"}


@asynccontextmanager
async def discovering(idle: float = 5.0, *networks: str) -> AsyncIterator[tuple[Discover, Discovery]]:
    runtime = Runtime(asyncio.get_running_loop(), Metrics())
    settings = Settings.from_env(ENV).outbound
    factory = EndpointFactory(runtime, settings, Dialer(runtime.loop, 1), frozenset())
    discovery = Discovery()
    discover = Discover(factory, discovery, networks_filter(tuple(map(ip_network, networks))), idle)
    yield discover, discovery
    discover.close()
    runtime.wheel.close()


async def test_connections_share_a_target_and_its_snapshots() -> None:
    async with discovering() as (discover, discovery):
        target = discover.acquire(DST)
        assert discover.acquire(DST) is target
        known = asyncio.create_task(target.known())
        await asyncio.sleep(0)
        discovery.set("10.0.0.1:80", document([Addr("10.0.0.2", 80)]))
        policy = await known
        assert policy.doc.authority.startswith("voting-svc")
        assert list(target.concretes) == ["all"]


async def test_what_nobody_knows_is_forwarded() -> None:
    async with discovering() as (discover, discovery):
        discovery.set("10.0.0.1:80", WatchError(WatchCode.not_found))
        policy = await discover.acquire(DST).known()
        assert policy.doc == forward_document(DST)
        assert policy.doc.backends["forward"].endpoints[0].addr == "10.0.0.1:80"


async def test_what_lies_outside_is_not_asked_for() -> None:
    async with discovering(5.0, "172.16.0.0/12") as (discover, discovery):
        policy = await discover.acquire(DST).known()
        assert policy.doc.authority == "10.0.0.1:80"
        assert discovery._asking == {}


async def test_errors_only_count_without_a_snapshot() -> None:
    async with discovering() as (discover, discovery):
        discovery.set("10.0.0.1:80", document([Addr("10.0.0.2", 80)]))
        target = discover.acquire(DST)
        discovery.set("10.0.0.1:80", WatchError(WatchCode.unavailable))
        assert (await target.known()).doc.authority.startswith("voting-svc")
        other = OrigDst(Addr("10.0.0.9", 80))
        discovery.set("10.0.0.9:80", WatchError(WatchCode.forbidden, "no", retryable=False))
        with pytest.raises(DiscoveryFailed, match="no"):
            await discover.acquire(other).known()


async def test_backends_come_and_go_with_snapshots() -> None:
    async with discovering() as (discover, discovery):
        target = discover.acquire(DST)
        first = document([Addr("10.0.0.2", 80)])
        discovery.set("10.0.0.1:80", first)
        kept = target.concretes["all"]
        discovery.set("10.0.0.1:80", document([Addr("10.0.0.3", 80)]))
        assert target.concretes["all"] is kept
        assert [state.endpoint.addr for state in kept.balancer.endpoints] == ["10.0.0.3:80"]
        assert first.backends["all"] != Backend()


async def test_unused_targets_are_forgotten_and_used_ones_stay() -> None:
    async with discovering(0.05) as (discover, discovery):
        target = discover.acquire(DST)
        target.released()
        again = discover.acquire(DST)
        assert again is target
        await asyncio.sleep(0.15)
        assert discover.acquire(DST) is target
        target.released()
        target.released()
        await eventually(lambda: DST not in discover._targets)
        assert discovery

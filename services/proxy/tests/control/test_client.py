"""The discovery client against the testkit's control plane: callbacks, resume, outages, eviction."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from linkerd_contract.inbound import InboundDocument
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, Route, WeightedBackend
from linkerd_contract.watch import CHUNK, WatchCode, WatchError, WatchKind
from linkerd_proxy.control import DiscoveryClient
from linkerd_proxy.settings import Settings
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_rules.policy import InboundPolicy, OutboundPolicy
from linkerd_runtime.certify import Credentials
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually

TARGET = "10.0.0.1:80"
WEB = identity_name("web", "emojivoto")


def document(*addrs: str) -> OutboundDocument:
    return OutboundDocument(
        "web:80",
        routes=[Route(backends=[WeightedBackend("a")])],
        backends={"a": Backend(endpoints=[Endpoint(addr) for addr in addrs])},
    )


class Heard:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.updates: list[OutboundPolicy | InboundPolicy | WatchError] = []

    def __call__(self, update: OutboundPolicy | InboundPolicy | WatchError) -> None:
        self.updates.append(update)

    @property
    def addrs(self) -> list[str]:
        last = self.updates[-1] if self.updates else None
        if not isinstance(last, OutboundPolicy):
            return []
        return [endpoint.addr for endpoint in last.doc.backends["a"].endpoints]


@asynccontextmanager
async def discovery(
    control_plane: FakeControlPlane,
    directory: Path,
    metrics: Metrics | None = None,
    lifetime: str = "1h",
    **idle: float,
) -> AsyncIterator[DiscoveryClient]:
    settings = Settings.from_env(
        {
            **control_plane.environment("web", "emojivoto", directory),
            "LINKERD2_PROXY_CONTROL_STREAM_LIFETIME": lifetime,
            "LINKERD2_PROXY_CONTROL_EXP_BACKOFF_MIN": "10ms",
            "LINKERD2_PROXY_CONTROL_EXP_BACKOFF_MAX": "50ms",
        }
    )
    leaf = control_plane.authority.leaf(WEB)
    chain, key = leaf.write(directory)
    credentials = Credentials(WEB, str(chain), str(key), control_plane.authority.anchors, leaf.not_after.timestamp())
    client = DiscoveryClient(settings.destination, lambda: credentials, metrics, **idle)
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_snapshots_and_deltas_arrive(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.addrs == ["10.1.0.1:80"])
        await control_plane.watch.push_endpoints(TARGET, "a", [Endpoint("10.1.0.2:80")], ["10.1.0.1:80"])
        await eventually(lambda: heard.addrs == ["10.1.0.2:80"])
        assert control_plane.watch.hellos[0].workload == "emojivoto/web-0"
        # A second subscriber hears at once, and costs no second watch.
        second = Heard()
        client.outbound(TARGET, second)
        assert second.updates == heard.updates[-1:]
        assert len(control_plane.watch.watched()) == 1


async def test_inbound(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        heard = Heard()
        client.inbound(heard)
        await eventually(lambda: heard.updates)
        assert isinstance(heard.updates[0], WatchError)
        await control_plane.watch.set_inbound(InboundDocument("emojivoto/web-0"))
        await eventually(lambda: isinstance(heard.updates[-1], InboundPolicy))


async def test_long_lists_come_in_parts(tmp_path: Path) -> None:
    addrs = [f"10.1.{i // 256}.{i % 256}:80" for i in range(2 * CHUNK + 500)]
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        await control_plane.watch.set_outbound(TARGET, document(*addrs))
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        assert heard.addrs == addrs
        assert len(heard.updates) == 1


async def test_an_outage_keeps_the_snapshot_and_resumes(tmp_path: Path) -> None:
    metrics = Metrics()
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path, metrics) as client:
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        control_plane.watch.accepting = False
        await control_plane.watch.drop_connections()
        await eventually(lambda: not client.connected)
        later = Heard()
        client.outbound(TARGET, later)
        assert later.addrs == ["10.1.0.1:80"]
        new = Heard()
        client.outbound("10.0.0.2:80", new)
        control_plane.watch.accepting = True
        await eventually(lambda: len(control_plane.watch.hellos) == 2)
        assert [(k.target, k.kind) for k in control_plane.watch.hellos[1].known] == [(TARGET, WatchKind.outbound)]
        await eventually(lambda: new.updates)
        # Nothing changed, so nothing was said.
        assert len(heard.updates) == 1
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.7:80"))
        await eventually(lambda: heard.addrs == ["10.1.0.7:80"])
    text = metrics.registry.render().decode()
    assert 'status_code="101",classification="success"' in text
    assert "control_request_total{addr=" in text


async def test_streams_end_on_time_and_resume(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path, lifetime="200ms") as client:
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        await eventually(lambda: len(control_plane.watch.hellos) >= 3)
        assert [known.target for known in control_plane.watch.hellos[-1].known] == [TARGET]
        assert len(heard.updates) == 1


async def test_errors_are_heard_and_replaced(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        error = heard.updates[0]
        assert isinstance(error, WatchError)
        assert error.code is WatchCode.not_found
        await control_plane.watch.set_outbound(TARGET, document())
        await eventually(lambda: isinstance(heard.updates[-1], OutboundPolicy))
        await control_plane.watch.fail(WatchKind.outbound, TARGET, WatchError(WatchCode.unavailable))
        await eventually(lambda: isinstance(heard.updates[-1], WatchError))


async def test_unused_targets_are_forgotten(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as control_plane,
        discovery(control_plane, tmp_path, outbound_idle_seconds=0.05) as client,
    ):
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        heard = Heard()
        subscription = client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        subscription.close()
        subscription.close()
        await eventually(lambda: not control_plane.watch.watched())
        # Taken up again, it is watched again.
        client.outbound(TARGET, heard)
        await eventually(lambda: len(heard.updates) == 2)


async def test_a_target_taken_up_in_time_stays(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        heard = Heard()
        subscription = client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        subscription.close()
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.2:80"))
        again = Heard()
        client.outbound(TARGET, again)
        await eventually(lambda: again.addrs == ["10.1.0.2:80"])
        assert len(heard.updates) == 1
        assert len(control_plane.watch.hellos) == 1


async def test_a_failing_subscriber_and_a_broken_server_stop_nothing(tmp_path: Path) -> None:
    def fails(update: OutboundPolicy | WatchError) -> None:
        raise RuntimeError("a subscriber's own fault")

    async with FakeControlPlane() as control_plane, discovery(control_plane, tmp_path) as client:
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.1:80"))
        client.outbound(TARGET, fails)
        heard = Heard()
        client.outbound(TARGET, heard)
        await eventually(lambda: heard.updates)
        await control_plane.watch.send_raw("nonsense")
        await control_plane.watch.set_outbound(TARGET, document("10.1.0.2:80"))
        await eventually(lambda: heard.addrs == ["10.1.0.2:80"])
        assert len(control_plane.watch.hellos) == 1


async def test_it_waits_for_the_first_certificate(tmp_path: Path) -> None:
    async with FakeControlPlane() as control_plane:
        settings = Settings.from_env(control_plane.environment("web", "emojivoto", tmp_path))
        chain, key = control_plane.authority.leaf(WEB).write(tmp_path)
        current: list[Credentials] = []
        client = DiscoveryClient(settings.destination, lambda: current[0] if current else None)
        task = asyncio.create_task(client.run())
        await asyncio.sleep(0)
        assert not client.connected
        current.append(Credentials(WEB, str(chain), str(key), control_plane.authority.anchors, 0.0))
        client.credentials_changed()
        await eventually(lambda: client.connected)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_server_of_another_name_hears_nothing(tmp_path: Path) -> None:
    metrics = Metrics()
    async with FakeControlPlane() as control_plane:
        env = control_plane.environment("web", "emojivoto", tmp_path)
        env["LINKERD2_PROXY_DESTINATION_SVC_NAME"] = identity_name("impostor", "linkerd")
        settings = Settings.from_env(env)
        chain, key = control_plane.authority.leaf(WEB).write(tmp_path)
        credentials = Credentials(WEB, str(chain), str(key), control_plane.authority.anchors, 0.0)
        client = DiscoveryClient(settings.destination, lambda: credentials, metrics)
        task = asyncio.create_task(client.run())
        await eventually(lambda: 'classification="failure"' in metrics.registry.render().decode())
        assert control_plane.watch.hellos == []
        assert not client.connected
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class _LeavingServer:
    """A stream whose writer takes its time to be cancelled, which is when the client itself is cancelled."""

    def __init__(self) -> None:
        self.sending = asyncio.Event()
        self.left = asyncio.Event()
        self.on_cancelled: Callable[[], object] = lambda: None

    async def __aenter__(self) -> "_LeavingServer":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send_str(self, _: str) -> None:
        self.sending.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.on_cancelled()
            raise

    async def receive(self, timeout: float) -> aiohttp.WSMessage:
        await self.left.wait()
        return aiohttp.WSMessage(aiohttp.WSMsgType.CLOSED, None, None)


async def test_its_own_cancellation_is_not_lost_when_the_server_leaves_at_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FakeControlPlane() as control_plane:
        settings = Settings.from_env(control_plane.environment("web", "emojivoto", tmp_path))
    client = DiscoveryClient(settings.destination, None)
    server = _LeavingServer()

    async def connect(*_: object) -> _LeavingServer:
        return server

    monkeypatch.setattr(client, "_connect", connect)
    client.outbound(TARGET, Heard())
    task = asyncio.create_task(client.run())
    await server.sending.wait()
    server.on_cancelled = task.cancel
    server.left.set()
    done, _ = await asyncio.wait((task,), timeout=30)
    try:
        assert task in done
        assert task.cancelled()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

"""Our pair: the shipped `linkerd-proxy`, every feature at its default, against the testkit's control plane.

There is no iptables on the way: LINKERD2_PROXY_*_ORIGINAL_DST says where connections were going. The control plane
runs in a thread of the bench, on the core of load and backend.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from bench.process import Process, free_port
from bench.topology import Certificates, Order, Pair
from linkerd_contract.inbound import Authorization, InboundDocument, PortPolicy
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import (
    Backend,
    Endpoint,
    OutboundDocument,
    Protocol,
    ProtocolHint,
    Route,
    WeightedBackend,
)
from linkerd_contract.resource import ResourceRef
from linkerd_testkit.certs import Authority
from linkerd_testkit.control_plane import FakeControlPlane

CLIENT, SERVER = identity_name("web", "bench"), identity_name("voting", "bench")
_ALL = ResourceRef(name="all-unauthenticated")


class ControlPlane:
    """The testkit's control plane with an event loop of its own."""

    def __init__(self, directory: Path, command: Sequence[str] = ()) -> None:
        """`command` starts another `linkerd-proxy` than this environment's."""
        self.authority = Authority()
        self._directory = directory
        self._command = list(command) or [str(Path(sys.executable).parent / "linkerd-proxy")]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._plane = FakeControlPlane(self.authority)
        self._count = 0

    def __enter__(self) -> ControlPlane:
        self._thread.start()
        self._do(self._plane.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._plane.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, coroutine: object) -> None:
        assert asyncio.iscoroutine(coroutine)
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)

    def certificates(self) -> Certificates:
        """The same kind of certificates for the peers."""
        anchor = self._directory / "anchor.pem"
        anchor.write_text(self.authority.anchors)
        chain, key = self.authority.leaf(SERVER).write(self._directory / "peer")
        return Certificates(str(anchor), str(chain), str(key), SERVER)

    def start(self, order: Order) -> Pair:
        """Two sidecars."""
        self._count += 1
        outer, inner = free_port(), free_port()
        opaque = order.protocol == "tcp"
        target = f"10.0.0.{self._count}:80"
        self._do(self._plane.watch.set_outbound(target, _outbound(inner, opaque)))
        self._do(self._plane.watch.set_inbound(_inbound(opaque)))
        inbound = self._sidecar(order, "voting", 1, inner, f"127.0.0.1:{order.backend}")
        outbound = self._sidecar(order, "web", 0, outer, target)
        inbound.wait_listening(inner)
        outbound.wait_listening(outer)
        return Pair(outer, outbound, inbound)

    def _sidecar(self, order: Order, account: str, side: int, port: int, original: str) -> Process:
        directory = order.directory / f"{account}-{self._count}"
        variables = self._plane.environment(account, "bench", directory)
        listen = ("OUTBOUND", "INBOUND")[side]
        other = ("INBOUND", "OUTBOUND")[side]
        mine = {
            f"{listen}_LISTEN_ADDR": f"127.0.0.1:{port}",
            f"{other}_LISTEN_ADDR": "127.0.0.1:0",
            f"{listen}_ORIGINAL_DST": original,
            "ADMIN_LISTEN_ADDR": f"127.0.0.1:{free_port()}",
        }
        if order.tap_ports[side]:
            mine["CONTROL_LISTEN_ADDR"] = f"127.0.0.1:{order.tap_ports[side]}"
            mine["TAP_SVC_NAME"] = order.certificates.identity
        variables |= {f"LINKERD2_PROXY_{name}": value for name, value in mine.items()}
        cores: int | str = order.cores[side]
        if order.workers > 1 and side == 0:
            variables["LINKERD2_PROXY_CORES"] = str(order.workers)
            cores = f"0-{order.workers - 1}"
        command = self._command
        if order.sampled:
            variables["PYTHONPATH"] = str(Path(__file__).parent.parent)
            command = [sys.executable, "-m", "bench.sampled", str(order.directory / f"{account}.samples")]
        return Process(f"linkerd-{account}-{self._count}", command, cores, order.directory, variables)


def _outbound(port: int, opaque: bool) -> OutboundDocument:
    hint = ProtocolHint.opaque if opaque else ProtocolHint.h2
    labels = {"deployment": "voting", "namespace": "bench", "pod": "voting-0"}
    endpoint = Endpoint(f"127.0.0.1:{port}", identity=SERVER, protocol_hint=hint, labels=labels)
    return OutboundDocument(
        authority="voting.bench.svc.cluster.local:80",
        protocol=Protocol.opaque if opaque else Protocol.detect,
        parent=ResourceRef("core", "Service", "bench", "voting", 80),
        routes=[Route(name="default", backends=[WeightedBackend("voting")])],
        backends={"voting": Backend(labels={"service": "voting", "namespace": "bench"}, endpoints=[endpoint])},
    )


def _inbound(opaque: bool) -> InboundDocument:
    protocol = Protocol.opaque if opaque else Protocol.detect
    policy = PortPolicy(protocol=protocol, server=_ALL, authorizations=[Authorization(resource=_ALL)])
    return InboundDocument(workload="bench/voting-0", default=policy)

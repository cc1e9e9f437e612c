"""Sidecars in the test's own loop, on loopback, with certificates and policies of the test's choice.

Real sockets, real TLS, the product's own wiring (DataPath); only the control plane is a dictionary.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

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
from linkerd_contract.watch import WatchError
from linkerd_proxy.datapath import DataPath
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.overrides import Overrides
from linkerd_proxy.settings import Settings
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_rules.policy import InboundPolicy, OutboundPolicy
from linkerd_runtime.certify import Credentials
from linkerd_runtime.settings import Addr
from linkerd_testkit.certs import Authority

SERVICE = "10.0.0.1:80"
CLIENT = identity_name("web", "emojivoto")
SERVER = identity_name("voting", "emojivoto")
PATIENT_MS = 600_000
"""Longer than any test's deadline: who waits for this to end fails, however slow the machine is."""

OnOutbound = Callable[[OutboundPolicy | WatchError], None]


class _Interest:
    def close(self) -> None:
        pass


class Discovery:
    """What is known of destinations: `set` answers those who ask, now or later."""

    def __init__(self) -> None:
        self._answers: dict[str, OutboundPolicy | WatchError] = {}
        self._asking: dict[str, list[OnOutbound]] = {}

    def outbound(self, target: str, callback: OnOutbound) -> _Interest:
        self._asking.setdefault(target, []).append(callback)
        if target in self._answers:
            callback(self._answers[target])
        return _Interest()

    def set(self, target: str, answer: OutboundDocument | WatchError) -> None:
        update = answer if isinstance(answer, WatchError) else OutboundPolicy(answer)
        self._answers[target] = update
        for callback in self._asking.get(target, []):
            callback(update)


@dataclass
class Sidecar:
    """One proxy. `outbound` and `inbound` are where it listens."""

    runtime: Runtime
    path: DataPath
    discovery: Discovery

    @property
    def outbound(self) -> Addr:
        return self.path.outbound_addr

    @property
    def inbound(self) -> Addr:
        return self.path.inbound_addr

    def metrics(self) -> str:
        return self.runtime.metrics.registry.render().decode()

    def sample(self, name: str, *labels: str) -> float:
        """The sum of all samples of a name whose label sets have all of these."""
        total = 0.0
        for line in self.metrics().splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(label in series for label in labels):
                total += float(value)
        return total


def credentials(authority: Authority, directory: Path, identity: str) -> Credentials:
    """A new certificate, written to files there."""
    leaf = authority.leaf(identity)
    chain, key = leaf.write(directory)
    return Credentials(identity, str(chain), str(key), authority.anchors, leaf.not_after.timestamp())


@asynccontextmanager
async def sidecar(
    authority: Authority | None,
    directory: Path,
    identity: str,
    *,
    outbound_dst: str = SERVICE,
    inbound_dst: str = "127.0.0.1:1",
    **env: str,
) -> AsyncIterator[Sidecar]:
    """A running sidecar; without an authority it has no certificate."""
    loop = asyncio.get_running_loop()
    variables = {
        "IDENTITY_DISABLED": "1",
        "INBOUND_LISTEN_ADDR": "127.0.0.1:0",
        "OUTBOUND_LISTEN_ADDR": "127.0.0.1:0",
        "DESTINATION_SVC_ADDR": "127.0.0.1:1",
        "INBOUND_ORIGINAL_DST": inbound_dst,
        "OUTBOUND_ORIGINAL_DST": outbound_dst,
    }
    whole = {f"LINKERD2_PROXY_{name}": value for name, value in (variables | env).items()}
    runtime = Runtime(loop, Metrics())
    if authority is not None:
        runtime.tls.update(credentials(authority, directory / identity, identity))
    discovery = Discovery()
    path = DataPath(runtime, Settings.from_env(whole), Overrides.from_env(whole), discovery)
    path.listen()
    try:
        yield Sidecar(runtime, path, discovery)
    finally:
        await path.drain(0.2)
        path.close()
        await runtime.tasks.cancel()
        runtime.wheel.close()
        await asyncio.sleep(0.01)


def document(
    addrs: Sequence[Addr],
    *,
    identity: str | None = SERVER,
    hint: ProtocolHint = ProtocolHint.h2,
    protocol: Protocol = Protocol.detect,
    detect_timeout_ms: int = PATIENT_MS,
) -> OutboundDocument:
    """A service with these endpoints."""
    endpoints = [Endpoint(str(a), identity=identity, protocol_hint=hint, labels={"pod": f"p{a.port}"}) for a in addrs]
    return OutboundDocument(
        authority="voting-svc.emojivoto.svc.cluster.local:80",
        protocol=protocol,
        detect_timeout_ms=detect_timeout_ms,
        routes=[Route(name="default", backends=[WeightedBackend("all")])],
        backends={"all": Backend(labels={"service": "voting-svc"}, endpoints=endpoints)},
    )


def impatient(document: OutboundDocument) -> OutboundDocument:
    """With a failfast that tests have time for."""
    return msgspec.structs.replace(document, balancer=msgspec.structs.replace(document.balancer, failfast_ms=200))


def inbound_document(
    *,
    protocol: Protocol = Protocol.detect,
    detect_timeout_ms: int = PATIENT_MS,
    authorization: Authorization | None = None,
) -> InboundDocument:
    """One policy for all ports; everyone is let in unless an authorization is given."""
    allowed = authorization or Authorization(resource=ResourceRef(name="all-unauthenticated"))
    return InboundDocument(
        default=PortPolicy(
            protocol=protocol,
            detect_timeout_ms=detect_timeout_ms,
            server=ResourceRef(name="test-server"),
            authorizations=[allowed],
        )
    )


@dataclass
class Pair:
    """client's application -> `client` sidecar -> `server` sidecar -> the application."""

    client: Sidecar
    server: Sidecar
    authority: Authority = field(repr=False)

    @property
    def addr(self) -> tuple[str, int]:
        """Where the client's application connects."""
        return self.client.outbound

    def serve(self, document: InboundDocument) -> None:
        """Replace the server's policy."""
        self.server.path.policy.on_update(InboundPolicy(document))


@asynccontextmanager
async def pair(
    directory: Path,
    app: tuple[str, int],
    *,
    hint: ProtocolHint = ProtocolHint.h2,
    protocol: Protocol = Protocol.detect,
    inbound: InboundDocument | None = None,
    detect_timeout_ms: int = PATIENT_MS,
    **env: str,
) -> AsyncIterator[Pair]:
    """Two sidecars, meshed, in front of an application."""
    authority = Authority()
    async with AsyncExitStack() as stack:
        dst = str(Addr(*app))
        server = await stack.enter_async_context(sidecar(authority, directory, SERVER, inbound_dst=dst, **env))
        client = await stack.enter_async_context(sidecar(authority, directory, CLIENT, **env))
        known = document([server.inbound], hint=hint, protocol=protocol, detect_timeout_ms=detect_timeout_ms)
        client.discovery.set(SERVICE, known)
        meshed = Pair(client, server, authority)
        meshed.serve(inbound or inbound_document())
        yield meshed

"""All protocols under load while everything around them changes: no request fails, and memory stays where it is.

SOAK_SECONDS says how long `make soak` runs (300); a few seconds of the same are in every run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.interop import servers
from tests.interop.conftest import ROOT, SERVICE, World, everything, inbound, outbound, running
from tests.interop.namespaces import HUB

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, PortPolicy
from linkerd_contract.names import identity_name
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument, ProtocolHint
from linkerd_contract.resource import ResourceRef

NOBODY = "10.77.0.99"
pytestmark = pytest.mark.root

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
LEAF_SECONDS = 24
"""Renewed at 70 % of it."""
GROWTH_KIB = 20 * 1024
CHANGE_SECONDS = 0.5


def with_dead_endpoints(port: int) -> OutboundDocument:
    """The same service, with a pod that has just gone (its address refuses), and one that answers nobody."""
    document = outbound(port)
    (ref,) = document.backends
    identity = identity_name("voting", "emojivoto")
    gone = [Endpoint(f"{host}:{port}", identity=identity, protocol_hint=ProtocolHint.h2) for host in (HUB, NOBODY)]
    endpoints = [*document.backends[ref].endpoints, *gone]
    return OutboundDocument(
        authority=document.authority,
        protocol=document.protocol,
        routes=document.routes,
        backends={ref: Backend(endpoints=endpoints)},
    )


def only_the_client() -> InboundDocument:
    """Another policy that lets the clients in."""
    allowed = Authorization(
        resource=ResourceRef(name="only-web"),
        authn=AuthnKind.tls_authenticated,
        identities=[identity_name("web", "emojivoto")],
    )
    ports = {
        port: PortPolicy(protocol=policy.protocol, authorizations=[allowed]) for port, policy in inbound().ports.items()
    }
    return InboundDocument(ports=ports, default=PortPolicy(authorizations=[allowed]))


def changes() -> Iterator[tuple[dict[str, OutboundDocument], InboundDocument]]:
    """What the control plane says next, for ever."""
    http = (servers.HTTP1, servers.GRPC, servers.WEBSOCKET)
    while True:
        for churned in ({}, {f"{SERVICE}:{port}": with_dead_endpoints(port) for port in http}):
            for policy in (inbound(), only_the_client()):
                yield {**everything(), **churned}, policy


def soak(world: World, seconds: float) -> dict[str, int]:
    """Load and change; what was done."""
    command = world.web.command(sys.executable, "-m", "tests.interop.load", str(seconds), SERVICE)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = time.monotonic()
    rss: dict[str, int] = {}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as load:
        for documents, policy in changes():
            if load.poll() is not None:
                break
            world.push(documents, policy)
            time.sleep(CHANGE_SECONDS)
            if not rss and time.monotonic() - started > seconds / 3:
                rss = world.rss_kib()
        assert load.stdout is not None
        report = json.loads(load.stdout.read())
    assert report["failures"] == [], "\n".join([*report["failures"][:3], *map(last_words, world.logs())])
    for name, kib in world.rss_kib().items():
        assert kib - rss[name] < GROWTH_KIB, f"the sidecar of {name} grew from {rss[name]} to {kib} KiB"
    for log in world.logs():
        assert "Traceback" not in log.read_text(), log
    done: dict[str, int] = report["done"]
    return done


def last_words(log: Path) -> str:
    """The end of a log, without what is said all the time."""
    lines = [line for line in log.read_text().splitlines() if "certified" not in line]
    return "\n".join([str(log), *lines[-15:]])


def kinds(done: dict[str, int]) -> set[str]:
    """What was done at all."""
    return {name for name, count in done.items() if count}


EVERY = {
    "http1",
    "storms",
    "grpc",
    "grpc streams",
    "turns",
    "websocket messages",
    "opaque connections",
    "opaque turns",
}


def test_a_few_seconds(world: World) -> None:
    done = soak(world, 5.0)
    assert kinds(done) == EVERY


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_at_length(tmp_path: Path) -> None:
    with running(tmp_path, leaf_seconds=LEAF_SECONDS) as world:
        done = soak(world, SECONDS)
        assert kinds(done) == EVERY
        for pod in (world.web, world.voting):
            renewed = world.sample(pod, "control_identity_cert_refreshes_total", 'result="success"')
            assert renewed >= SECONDS / LEAF_SECONDS - 1
            assert world.sample(pod, "outbound_http_errors_total") == 0
            assert world.sample(pod, "inbound_http_errors_total") == 0
        print(json.dumps({"done": done, "rss_kib": world.rss_kib()}))  # noqa: T201

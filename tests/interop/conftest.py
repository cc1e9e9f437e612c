"""Two meshed pods: `web`, where foreign clients run, and `voting`, where foreign servers do."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.interop import servers
from tests.interop.namespaces import ENVIRONMENT, HUB, Namespace, pods, redirect

from linkerd_contract import codec
from linkerd_contract.inbound import Authorization, InboundDocument, PortPolicy
from linkerd_contract.names import LINKERD_NAMESPACE, identity_name
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

ROOT = Path(__file__).parents[2]
WEB, VOTING = "10.77.0.2", "10.77.0.3"
SERVICE = "10.96.0.10"
MARK = 0x1002
START_SECONDS = 60.0
DETECT_MS = 600_000
"""Longer than any client waits: who has to be detected, though its port is known, fails."""


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, or fail with its name."""
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come true within {START_SECONDS:g} s")
        time.sleep(0.05)


def outbound(port: int) -> OutboundDocument:
    """The service's port: one meshed endpoint."""
    opaque = port == servers.OPAQUE
    hint = ProtocolHint.opaque if opaque else ProtocolHint.h2
    endpoint = Endpoint(f"{VOTING}:{port}", identity=identity_name("voting", "emojivoto"), protocol_hint=hint)
    return OutboundDocument(
        authority=f"voting-svc.emojivoto.svc.cluster.local:{port}",
        protocol=Protocol.opaque if opaque else Protocol.detect,
        detect_timeout_ms=DETECT_MS,
        routes=[Route(name="default", backends=[WeightedBackend("all")])],
        backends={"all": Backend(endpoints=[endpoint])},
    )


def inbound() -> InboundDocument:
    """Everybody may come in; one port is opaque."""
    everybody = [Authorization(resource=ResourceRef(name="all-unauthenticated"))]
    opaque = PortPolicy(protocol=Protocol.opaque, detect_timeout_ms=DETECT_MS, authorizations=everybody)
    return InboundDocument(ports={str(servers.OPAQUE): opaque}, default=PortPolicy(authorizations=everybody))


class World:
    """The two pods. `running` are the processes to end."""

    def __init__(self, hub: Namespace, web: Namespace, voting: Namespace, directory: Path) -> None:
        self.hub = hub
        self.web = web
        self.voting = voting
        self._directory = directory
        self._running: list[subprocess.Popen[bytes]] = []
        self._leaf_seconds = 3600
        self._proxies: dict[str, int] = {}
        self._controller: subprocess.Popen[bytes] | None = None

    def start(self, pod: Namespace, name: str, *command: str, **env: str) -> Path:
        """Start a program; the file with what it says."""
        log = self._directory / f"{name}.log"
        self._running.append(pod.start(*command, env=env, log=str(log)))
        return log

    def _configure(self, documents: dict[str, OutboundDocument], policy: InboundDocument) -> Path:
        config = self._directory / "config.json"
        document = {
            "directory": str(self._directory),
            "host": HUB,
            "leafSeconds": self._leaf_seconds,
            "outbound": documents,
            "inbound": policy,
        }
        config.with_suffix(".new").write_bytes(codec.encode(document))
        return config.with_suffix(".new").rename(config)

    def push(self, documents: dict[str, OutboundDocument], policy: InboundDocument) -> None:
        """What the control plane says from now on."""
        self._configure(documents, policy)
        assert self._controller is not None
        self._controller.send_signal(signal.SIGHUP)

    def control_plane(self, leaf_seconds: int) -> dict[str, str]:
        """Identity and destination, in the hub; where they are."""
        self._leaf_seconds = leaf_seconds
        config = self._configure(everything(), inbound())
        log = self.start(self.hub, "control-plane", sys.executable, "-m", "linkerd_testkit.control_plane", str(config))
        self._controller = self._running[-1]
        eventually(lambda: log.read_text().startswith("{"), f"the control plane in {log}")
        where: dict[str, str] = json.loads(log.read_text().splitlines()[0])
        return where

    def mesh(self, pod: Namespace, address: str, control_plane: dict[str, str]) -> None:
        """A sidecar, and the rules that send everything through it."""
        directory = self._directory / pod.name
        directory.mkdir()
        (directory / "token").write_text("a-token")
        variables = {
            "IDENTITY_DIR": str(directory),
            "IDENTITY_TRUST_ANCHORS": Path(control_plane["anchors"]).read_text(),
            "IDENTITY_TOKEN_FILE": str(directory / "token"),
            "IDENTITY_LOCAL_NAME": identity_name(pod.name, "emojivoto"),
            "IDENTITY_SVC_ADDR": control_plane["identityAddr"],
            "IDENTITY_SVC_NAME": identity_name("linkerd-identity", LINKERD_NAMESPACE),
            "DESTINATION_SVC_ADDR": control_plane["destinationAddr"],
            "DESTINATION_SVC_NAME": identity_name("linkerd-destination", LINKERD_NAMESPACE),
            "DESTINATION_CONTEXT": json.dumps({"ns": "emojivoto", "pod": f"{pod.name}-0", "nodeName": "node"}),
            "INBOUND_IPS": address,
            "SOCKET_MARK": str(MARK),
        }
        env = {f"LINKERD2_PROXY_{name}": value for name, value in variables.items()}
        log = self.start(pod, f"proxy-{pod.name}", sys.executable, "-m", "linkerd_proxy", **env)
        self._proxies[pod.name] = self._running[-1].pid
        redirect(pod, MARK)

        eventually(lambda: self.answers(pod, "http://127.0.0.1:4191/ready"), f"the sidecar of {pod.name} ({log})")

    def answers(self, pod: Namespace, url: str) -> bool:
        """Whether it answers well there, in HTTP/1 or HTTP/2."""
        version = "--http2-prior-knowledge" if f":{servers.HTTP2}/" in url else "--http1.1"
        done = subprocess.run(pod.command("curl", "-sf", version, url), capture_output=True, check=False)
        return done.returncode == 0

    def rss_kib(self) -> dict[str, int]:
        """Resident memory of both sidecars."""
        found = {}
        for name, pid in self._proxies.items():
            (line,) = re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
            found[name] = int(line)
        return found

    def logs(self) -> list[Path]:
        """What the sidecars have said."""
        return [self._directory / f"proxy-{name}.log" for name in self._proxies]

    def sample(self, pod: Namespace, name: str, *labels: str) -> float:
        """The sum of all samples of a name whose label sets have all of these."""
        total = 0.0
        for line in pod.run("curl", "-sf", "http://127.0.0.1:4191/metrics").splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(label in series for label in labels):
                total += float(value)
        return total

    def close(self) -> None:
        """End what was started, the last first."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def everything() -> dict[str, OutboundDocument]:
    """All ports of the service."""
    ports = (servers.HTTP1, servers.HTTP2, servers.GRPC, servers.WEBSOCKET, servers.OPAQUE)
    return {f"{SERVICE}:{port}": outbound(port) for port in ports}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The pods with everything running."""
    with running(tmp_path_factory.mktemp("interop")) as made:
        yield made


@contextmanager
def running(directory: Path, *, leaf_seconds: int = 3600) -> Iterator[World]:
    """Pods of the test's own; certificates live so long."""
    for program in ("unshare", "nsenter", "ip", "curl", "nghttpd"):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"no {program} on this machine: `make setup` installs it")
    try:
        namespaces = pods(web=WEB, voting=VOTING)
        hub, found = namespaces.__enter__()
    except RuntimeError as error:
        pytest.skip(f"namespaces cannot be made here: {error}")
    made = World(hub, found["web"], found["voting"], directory)
    try:
        control_plane = made.control_plane(leaf_seconds)
        (directory / "htdocs").mkdir()
        (directory / "htdocs/index.html").write_text("x" * 1_000)
        nghttpd = ["nghttpd", "--no-tls", "-a", "0.0.0.0", "-d", str(directory / "htdocs"), str(servers.HTTP2)]
        log = made.start(found["voting"], "nghttpd", *nghttpd)
        eventually(lambda: made.answers(found["voting"], f"http://127.0.0.1:{servers.HTTP2}/"), f"nghttpd ({log})")
        log = made.start(
            found["voting"], "servers", sys.executable, "-m", "tests.interop.servers", PYTHONPATH=str(ROOT)
        )
        eventually(lambda: "ready" in log.read_text(), f"the servers ({log})")
        made.mesh(found["voting"], VOTING, control_plane)
        made.mesh(found["web"], WEB, control_plane)
        yield made
    finally:
        made.close()
        namespaces.__exit__(None, None, None)

"""Inside the namespaces: API server, controllers, kubelet, service proxy and DNS in one process.

`python -m linkerd_sandbox.supervisor CHANNEL SETTINGS`, started by the namespace's first process, which ends when this
does. Every task is owned: the failure of one is the end of all, said in supervisor.log.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Protocol

import aiohttp
import uvloop

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import AlreadyExists, ApiError
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import NODES, SERVICE_ACCOUNTS, SERVICES
from linkerd_sandbox import chaos
from linkerd_sandbox.apiserver.discovery import KUBERNETES_VERSION
from linkerd_sandbox.apiserver.server import ApiServer
from linkerd_sandbox.controllers.manager import Manager
from linkerd_sandbox.faults.components import Components
from linkerd_sandbox.faults.control import Control
from linkerd_sandbox.faults.link import GatedConnector
from linkerd_sandbox.faults.network import LinkFaults
from linkerd_sandbox.faults.pods import PodFaults
from linkerd_sandbox.images import ImageTable, Mapping
from linkerd_sandbox.kubeapi.older import LAST_OLD_MINOR, OlderClient
from linkerd_sandbox.kubeapi.server import KubeApiServer, Programs, StartFailed
from linkerd_sandbox.kubelet import rootfs
from linkerd_sandbox.kubelet import server as kubelet_server
from linkerd_sandbox.kubelet.agent import Kubelet
from linkerd_sandbox.kubelet.backend import Backend
from linkerd_sandbox.kubelet.metrics import MetricsServer
from linkerd_sandbox.kubelet.node import Events, Node
from linkerd_sandbox.kubelet.server import KubeletServer
from linkerd_sandbox.kubelet.spawner import Spawner
from linkerd_sandbox.net import podnet, rules
from linkerd_sandbox.net.dns_server import DnsServer
from linkerd_sandbox.net.dns_zone import Zone
from linkerd_sandbox.net.ingress import Ingress, parse
from linkerd_sandbox.net.ipam import Ipam
from linkerd_sandbox.net.proxier import MissingTool, Proxier, find_tool
from linkerd_sandbox.settings import (
    API_PORT,
    CLUSTER_DOMAIN,
    DNS_IP,
    NODE_NAME,
    SupervisorSettings,
)
from linkerd_sandbox.state import State

log = logging.getLogger("linkerd_sandbox.supervisor")
_POLL_SECONDS: Final = 0.01
_API_HOST: Final = "10.43.0.1"
_METRICS_DIRECTORY: Final = Path("/run/linkerd-sandbox/metrics")
_KUBELET: Final = f"system:node:{NODE_NAME}"
_MANAGER: Final = "system:kube-controller-manager"
_PROXY: Final = "system:kube-proxy"
_METRICS: Final = "system:metrics-server"
_AGENTS: Final = {
    _KUBELET: "kubelet",
    _MANAGER: "kube-controller-manager",
    _PROXY: "kube-proxy",
    _METRICS: "metrics-server",
}


class Api(Protocol):
    """The API server, ours or a real one, as its clients need to know it."""

    @property
    def ca_pem(self) -> str: ...

    def component_token(self, name: str) -> str: ...

    def sign(self, request: bytes, seconds: int | None) -> str: ...

    def admin_kubeconfig(self, server_url: str) -> str: ...


class Ready:
    """Tells `up` how far the start has come: lines "api", "ready", or why it failed."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def say(self, text: str) -> None:
        try:
            os.write(self._fd, f"{text}\n".encode())
        except OSError:
            log.info("nobody waits for the start any more")


def user_images(path: Path) -> Callable[[], dict[str, Mapping | list[str]]]:
    """Reads images.json, again whenever it was changed."""
    cached: list[tuple[int, dict[str, Mapping | list[str]]]] = [(0, {})]

    def read() -> dict[str, Mapping | list[str]]:
        try:
            changed = path.stat().st_mtime_ns
            if changed != cached[0][0]:
                cached[0] = (changed, json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s: %s", path, error)
            cached[0] = (0, {})
        return cached[0][1]

    return read


class Supervisor:
    """Makes the parts, in order, and runs them until one fails."""

    def __init__(self, settings: SupervisorSettings, channel: socket.socket) -> None:
        self._settings = settings
        self._state = State(Path(settings.directory))
        self._channel = channel
        self._ready = Ready(settings.ready_fd)
        self._ipam = Ipam(*settings.pod_cidrs)
        self._components = Components()
        self._client_type = KubeClient
        self._watched: Callable[[], Awaitable[str]] | None = None
        """Waits for the end of the programs that the user brought, and says why."""

    async def run(self) -> None:
        """Raises what ended it."""
        nft = find_tool("nft", "nftables", self._settings.path)
        find_tool("iptables", "iptables", self._settings.path)  # every meshed pod's init step runs it
        podnet.set_up_node([*self._ipam.node_ips, *self._settings.dns_ips], self._settings.service_cidrs)
        outer = socket.socket(fileno=self._settings.listener_fd)
        outer.setblocking(False)
        backend = Backend()
        server = await (self._real(outer, backend) if self._settings.kube_apiserver else self._embedded(outer, backend))
        self._write_kubeconfig(server)
        self._ready.say("api")
        async with AsyncExitStack() as sessions:
            await self._run_parts(server, sessions, backend, nft)

    async def _embedded(self, outer: socket.socket, backend: Backend) -> Api:
        node_ip = self._ipam.node_ips[0]
        inner = socket.create_server((node_ip, API_PORT), backlog=512)
        inner.setblocking(False)
        directory = self._state.directory / "apiserver"
        server = ApiServer(
            sockets=[outer, inner],
            directory=directory,
            node=backend,
            service_cidr=",".join(self._settings.service_cidrs),
            advertise=f"{node_ip}:{API_PORT}",
        )
        self._components["apiserver"].gate = server.gate
        await server.start()
        return server

    async def _real(self, outer: socket.socket, backend: Backend) -> Api:
        """Raises StartFailed."""
        node_ip = self._ipam.node_ips[0]
        programs = Programs(self._settings.kube_apiserver, self._settings.etcd)
        directory = self._state.directory / "kube-apiserver"
        server = KubeApiServer(programs, directory, (node_ip, API_PORT), self._settings.service_cidrs[0], _AGENTS)
        await server.start(outer)
        if server.minor <= LAST_OLD_MINOR:
            self._client_type = OlderClient
        await KubeletServer(backend.find, backend).start(
            (node_ip, kubelet_server.PORT), server.kubelet_certificate(node_ip), server.ca_pem
        )
        self._watched = server.ended
        del self._components.all["apiserver"]  # a program of its own, with no gate of ours
        return server

    async def _client(self, server: Api, sessions: AsyncExitStack, user: str, component: str) -> KubeClient:
        """Its connections pass the gate of a component."""
        token = server.component_token(user)

        async def source() -> str:
            return token

        context = ssl.create_default_context(cadata=server.ca_pem)
        connector = GatedConnector(self._components[component].gate, context)
        headers = {"User-Agent": f"{_AGENTS[user]}/{KUBERNETES_VERSION}"}  # field managers are called by its first part
        session = await sessions.enter_async_context(aiohttp.ClientSession(connector=connector, headers=headers))
        return self._client_type(f"https://{self._ipam.node_ips[0]}:{API_PORT}", session, source)

    async def _watch_programs(self) -> None:
        if self._watched is not None:
            raise RuntimeError(await self._watched())

    async def _run_parts(self, server: Api, sessions: AsyncExitStack, backend: Backend, nft: str) -> None:
        node_client = await self._client(server, sessions, _KUBELET, "kubelet")
        admin = await self._client(server, sessions, _MANAGER, "controllers")
        proxy_client = await self._client(server, sessions, _PROXY, "service-proxy")
        metrics_client = await self._client(server, sessions, _METRICS, "kubelet")
        kubelet = Kubelet(node_client, NODE_NAME)
        backend.kubelet = kubelet
        events = Events(EventRecorder(node_client, "kubelet", NODE_NAME))
        spawner = Spawner(self._channel)
        zone = Zone(CLUSTER_DOMAIN)
        families = rules.families(self._settings.service_cidrs, self._settings.dns_ips)
        ingress = Ingress(proxy_client)
        for fd, spec in self._settings.forwards:
            await ingress.start(socket.socket(fileno=fd), parse(spec))
        pod_faults = PodFaults(kubelet.pods.values, LinkFaults(nft, tuple(self._iptables())))
        parts = self._components
        async with asyncio.TaskGroup() as group:
            start = group.create_task
            start(parts["controllers"].keep(lambda: Manager(admin, server.ca_pem, server.sign).run()))
            start(parts["service-proxy"].keep(lambda: Proxier(proxy_client, nft, families, zone).run()))
            start(parts["dns"].keep(lambda: self._serve_dns(zone)))
            start(events.run())
            start(kubelet.run(self._node(node_client, kubelet, spawner, events)))
            start(MetricsServer(metrics_client, kubelet, self._ipam.node_ips[0], _METRICS_DIRECTORY).run())
            start(Control(self._state.directory / chaos.SOCKET, parts, pod_faults).run())
            start(self._announce(admin))
            start(self._watch_programs())
            await spawner.lost
            raise RuntimeError("the first process is gone")

    def _iptables(self) -> Iterator[str]:
        yield find_tool("iptables", "iptables", self._settings.path)
        if len(self._settings.pod_cidrs) > 1:
            yield find_tool("ip6tables", "iptables", self._settings.path)

    async def _serve_dns(self, zone: Zone) -> None:
        servers = [DnsServer(zone, self._components["dns"].gate) for _ in self._settings.dns_ips]
        try:
            for server, address in zip(servers, self._settings.dns_ips, strict=True):
                await server.start(address)
            await asyncio.get_running_loop().create_future()
        finally:
            for server in servers:
                await server.stop()

    def _node(self, client: KubeClient, kubelet: Kubelet, spawner: Spawner, events: Events) -> Node:
        root = rootfs.plan()
        read = user_images(self._state.directory / "images.json")
        table = ImageTable(root.scripts)
        return Node(
            name=NODE_NAME,
            ips=self._ipam.node_ips,
            pod_cidrs=self._settings.pod_cidrs,
            dns_ip=DNS_IP,
            domain=CLUSTER_DOMAIN,
            api_host=_API_HOST,
            mode=self._settings.mode,
            directory=Path("/run/linkerd-sandbox/pods"),
            logs=self._state.pod_logs,
            client=client,
            spawner=spawner,
            images=lambda: ImageTable(root.scripts, user) if (user := read()) else table,
            root=root,
            ipam=self._ipam,
            events=events,
            config_map=kubelet.config_map,
            secret=kubelet.secret,
        )

    def _write_kubeconfig(self, server: Api) -> None:
        path = self._state.kubeconfig
        temporary = path.with_suffix(".tmp")
        temporary.touch(mode=0o600)
        temporary.write_text(server.admin_kubeconfig(f"https://127.0.0.1:{self._settings.api_port}"))
        temporary.replace(path)

    async def _announce(self, client: KubeClient) -> None:
        """The cluster's DNS as a Service; then "ready" once a pod could be created and would run."""
        try:
            await client.create(SERVICES.path("kube-system"), dns_service(self._settings.dns_ips))
        except AlreadyExists:
            pass
        for path in (NODES.path(name=NODE_NAME), SERVICE_ACCOUNTS.path("default", "default")):
            while True:
                try:
                    await client.get(path)
                    break
                except ApiError:
                    await asyncio.sleep(_POLL_SECONDS)
        self._ready.say("ready")
        log.info("ready")


def dns_service(addresses: Sequence[str]) -> JsonObject:
    """The Service behind the cluster's DNS addresses; the node answers them, so it selects no pods."""
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
    ]
    families = {"ipFamilyPolicy": "RequireDualStack"} if len(addresses) > 1 else {}
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"clusterIP": addresses[0], "clusterIPs": list(addresses), "ports": ports} | families,
    }


def main() -> int:
    channel = socket.socket(fileno=int(sys.argv[1]))
    settings = SupervisorSettings.from_json(sys.argv[2])
    for fd in (channel.fileno(), *settings.descriptors):
        os.set_inheritable(fd, False)  # no container shall hold them
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    shutil.rmtree(settings.directory + "/pods", ignore_errors=True)
    supervisor = Supervisor(settings, channel)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(supervisor.run())
    except (MissingTool, StartFailed) as error:
        Ready(settings.ready_fd).say(str(error))
    except BaseException as error:
        log.exception("the sandbox ends")
        Ready(settings.ready_fd).say(f"the supervisor failed: {error!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""One namespace of a meshed cluster, for one test: workloads from functions and commands, and what the mesh did.

What is asserted is read from the sidecars' own metrics, before and after a block. Errors name what was seen.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml

from linkerd_contract import names
from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import NAMESPACES
from linkerd_sandbox.testing.cluster import Cluster, until
from linkerd_sandbox.testing.manifests import CALLER, Run, Workload, command_of, namespace, objects_of
from linkerd_sandbox.testing.runner import CALL_PORT
from linkerd_sandbox.testing.samples import sample

_SECONDS = 40.0


@dataclass(frozen=True)
class Answer:
    """What came back of a request. `status` is 0 where nothing did; `error` says why."""

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: str = ""
    error: str = ""


@dataclass(frozen=True)
class Service:
    """A workload that was deployed."""

    mesh: Mesh
    name: str

    @property
    def identity(self) -> str:
        """Its name in certificates."""
        return names.identity_name(self.name, self.mesh.namespace, names.LINKERD_NAMESPACE, names.CLUSTER_DOMAIN)

    @property
    def meshed(self) -> bool:
        """Whether its pod has a sidecar."""
        spec = self.mesh.cluster.pod(self.mesh.namespace, self.name)["spec"]
        containers = [*spec.get("initContainers", ()), *spec["containers"]]
        return any(container["name"] == names.PROXY_CONTAINER for container in containers)

    def metrics(self) -> list[str]:
        """The lines of /metrics of its sidecar. Raises AssertionError where it has none."""
        assert self.meshed, f"{self.name} has no sidecar"
        return self.mesh.cluster.proxy_metrics(self.mesh.namespace, self.name)


@dataclass(frozen=True)
class Client(Service):
    """A pod that makes requests."""

    sent: list[str] = field(default_factory=list)
    """The URLs of all requests so far."""

    def get(self, url: str, **headers: str) -> Answer:
        """GET; a header's name is written with _ for -."""
        return self.request("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def request(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: str = "") -> Answer:
        """A request from within the pod, so through its sidecar. Redirects are not followed."""
        self.sent.append(url)
        asked: JsonObject = {"method": method, "url": url, "headers": dict(headers or {}), "body": body}
        said = self.mesh.cluster.do(self._ask(asked), _SECONDS)
        return Answer(**said)

    async def _ask(self, asked: JsonObject) -> JsonObject:
        cluster, namespace = self.mesh.cluster, self.mesh.namespace
        pod = (await cluster.find_pods(namespace, f"app={self.name}"))[0]["metadata"]["name"]
        async with (
            portforward.session(cluster.client, namespace, pod, CALL_PORT) as http,
            http.post("/", json=asked, timeout=aiohttp.ClientTimeout(total=_SECONDS)) as response,
        ):
            said: JsonObject = await response.json(content_type=None)
            return said


class Mesh:
    """A namespace. Its workloads call each other by name: `http://voting:8080/`."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    def deploy(
        self,
        name: str,
        run: Run,
        *,
        port: int = 8080,
        meshed: bool = True,
        annotations: Mapping[str, str] | None = None,
        replicas: int = 1,
    ) -> Service:
        """A workload and its Service; returns when it listens on `port`, which it finds in $PORT.

        `run` is a function at the top of a module, called without arguments in a process of its own, or a command.
        Annotations are the pods' (`config.linkerd.io/…`). Raises AssertionError where it does not come up.
        """
        self._start(Workload(self.namespace, name, command_of(run), port, replicas, _inject(annotations, meshed)))
        return Service(self, name)

    def client(self, name: str = "client", *, meshed: bool = True) -> Client:
        """A pod that makes the requests that a test asks for."""
        self._start(Workload(self.namespace, name, CALLER, annotations=_inject(None, meshed)))
        return Client(self, name)

    def apply(self, manifests: str | Path | JsonObject) -> None:
        """`kubectl apply`: YAML, a file of it, or an object; what names no namespace goes to this one."""
        text = manifests.read_text() if isinstance(manifests, Path) else manifests
        found = list(yaml.safe_load_all(text)) if isinstance(text, str) else [text]
        for document in found:
            if document is not None:
                self.cluster.run("kubectl", "-n", self.namespace, "apply", "-f", "-", stdin=json.dumps(document))

    def service(self, name: str) -> Service:
        """A workload of manifests: pods labelled app=NAME that run as ServiceAccount NAME; returns when it is up."""
        self._await(name)
        return Service(self, name)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Waits until `condition` is true. Raises AssertionError that names `what` when the time is over."""
        until(condition, seconds, what)

    @contextlib.contextmanager
    def expect_mtls(self, client: Service, server: Service) -> Iterator[None]:
        """In the block `client` calls `server`: every call over mutual TLS, and the peer is who it should be."""
        before = _calls(client, server)
        yield
        secured, others = (now - then for now, then in zip(_calls(client, server), before, strict=True))
        assert secured > 0 or others > 0, f"{client.name} did not call {server.name}"
        assert others == 0, f"{others:g} calls from {client.name} to {server.name} without mutual TLS"

    @contextlib.contextmanager
    def expect_retries(self, client: Client, server: Service, at_least: int = 1) -> Iterator[None]:
        """In the block `client` calls `server`, and its sidecar sends so many requests more than it was asked for."""
        asked, before = len(client.sent), sum(_calls(client, server))
        yield
        attempts = sum(_calls(client, server)) - before
        retries = attempts - (len(client.sent) - asked)
        assert retries >= at_least, f"{retries:g} retries from {client.name} to {server.name}, not {at_least}"

    @contextlib.contextmanager
    def expect_denial(self, server: Service) -> Iterator[None]:
        """In the block somebody calls `server`, and its policy refuses it."""
        before = _denials(server)
        yield
        assert _denials(server) > before, f"{server.name} refused nobody"

    def _start(self, workload: Workload) -> None:
        self.cluster.apply(*objects_of(workload))
        self._await(workload.name)
        if workload.port is not None:
            self.cluster.await_endpoints(self.namespace, workload.name, workload.replicas)

    def _await(self, name: str) -> None:
        try:
            self.cluster.await_available(self.namespace, name)
        except AssertionError as error:
            pods = ["-n", self.namespace, "get", "pod", "-l", f"app={name}", "-o", "wide"]
            said = self.cluster.run("kubectl", *pods, check=False)
            log = self.cluster.logs(self.namespace, name, "app")
            raise AssertionError(f"{error}\n{said.stdout[-2000:]}\n{log[-2000:]}") from error


@contextlib.contextmanager
def fresh(cluster: Cluster, name: str) -> Iterator[Mesh]:
    """A namespace that is deleted at the end of the block."""
    cluster.apply(namespace(name))
    try:
        yield Mesh(cluster, name)
    finally:
        cluster.delete(NAMESPACES, None, name)


def _inject(annotations: Mapping[str, str] | None, meshed: bool) -> dict[str, str]:
    return {names.ANNOTATION_INJECT: "enabled" if meshed else "disabled", **(annotations or {})}


def _calls(client: Service, server: Service) -> tuple[float, float]:
    """Requests and opaque connections from a sidecar to a workload: with mutual TLS to its identity, and without."""
    lines = client.metrics()
    to = {"direction": "outbound", "dst_namespace": server.mesh.namespace, "dst_deployment": server.name}
    secured = {**to, "tls": "true", "server_id": server.identity}
    total, safe = (sample(lines, "request_total", **labels) for labels in (to, secured))
    if not total:  # not HTTP: connections are all that there is
        total, safe = (sample(lines, "tcp_open_total", **labels) for labels in (to, secured))
    return safe, total - safe


def _denials(server: Service) -> float:
    lines = server.metrics()
    return sum(sample(lines, f"inbound_{kind}_authz_deny_total") for kind in ("http", "tcp"))

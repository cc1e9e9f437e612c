"""Edges of the mesh, from what the proxies counted on their inbound side since they started."""

import asyncio
from typing import TYPE_CHECKING

from linkerd_cli.diagnostics.proxy_metrics import is_meshed
from linkerd_cli.errors import CliError
from linkerd_cli.pods import admin_port, ask, pod_name
from linkerd_cli.tree import JsonObject, labels, meta
from linkerd_contract import names
from linkerd_contract.exposition import Labels, Unreadable, parse, parse_labels
from linkerd_contract.replay import Edge
from linkerd_contract.resource import ResourceRef

if TYPE_CHECKING:
    from linkerd_kube.client import KubeClient

_HTTP = frozenset({"inbound_http_authz_allow_total", "inbound_http_authz_deny_total"})
_TCP = frozenset({"inbound_tcp_authz_allow_total", "inbound_tcp_authz_deny_total"})
_AT_ONCE = 16
_WORKLOADS = ("deployment", "statefulset", "daemonset", "job", "replicaset", "replicationcontroller")


def server_of(pod: JsonObject) -> str:
    """ "namespace/kind/name" of the workload that a meshed pod belongs to, or of the pod itself. PURE."""
    found = labels(pod)
    namespace = meta(pod, "namespace")
    for kind in _WORKLOADS:
        if name := found.get(names.LABEL_PROXY_PREFIX + kind):
            return f"{namespace}/{kind}/{name}"
    return f"{namespace}/pod/{pod_name(pod)}"


def edges_of(server: str, text: str) -> set[Edge]:
    """The edges in one proxy's page of metrics. PURE. Raises Unreadable."""
    found = set()
    for family, written, count in parse(text, _HTTP | _TCP):
        if count > 0:
            edge = _edge(server, parse_labels(written), http=family in _HTTP)
            if edge is not None:
                found.add(edge)
    return found


def _edge(server: str, read: Labels, *, http: bool) -> Edge | None:
    port = read.get("target_port", "")
    if not port.isdecimal():
        return None
    route = ResourceRef(
        group=read.get("route_group", ""), kind=read.get("route_kind", "default"), name=read.get("route_name", "")
    )
    return Edge(
        server=server,
        port=int(port),
        client=read.get("client_id", ""),
        tls=read.get("tls") == "true",
        http=http,
        route=route if http else ResourceRef(),
    )


async def collect(client: "KubeClient") -> tuple[list[Edge], list[str]]:
    """The edges that every running meshed pod counted, and a sentence for each that could not be asked."""
    from linkerd_kube.resources import PODS

    permits = asyncio.Semaphore(_AT_ONCE)
    found: set[Edge] = set()
    failed: list[str] = []

    async def one(pod: JsonObject) -> None:
        name = f"{meta(pod, 'namespace')}/{pod_name(pod)}"
        async with permits:
            try:
                page = await ask(client, meta(pod, "namespace"), pod_name(pod), admin_port(pod), "/metrics")
                found.update(edges_of(server_of(pod), page.decode("utf-8", "replace")))
            except (CliError, Unreadable) as error:
                failed.append(f"{name}: {str(error).removeprefix(f'{name}: ')}")

    pods = (await client.list(PODS)).items
    await asyncio.gather(*(one(pod) for pod in pods if is_meshed(pod)))
    return sorted(found, key=_order), sorted(failed)


def _order(edge: Edge) -> tuple[object, ...]:
    return (edge.server, edge.port, edge.client, edge.tls, edge.http, edge.route.kind, edge.route.name)

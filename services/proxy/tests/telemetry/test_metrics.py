"""The families: Linkerd's names, labels and buckets."""

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.errors import LoadShed, ProfileTimeout
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import ALLOWED, BACKEND, DENIED, INBOUND, LEGACY, ROUTE, Metrics
from linkerd_proxy.telemetry.routes import (
    backend_labels,
    inbound_labels,
    parent_labels,
    route_backend_labels,
    route_labels,
)

OUT = labels.render([("direction", "outbound"), ("authority", "web:80")])


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.registry.render().decode().splitlines() if line.startswith(name + "{")]


def test_http() -> None:
    metrics = Metrics()
    cell = metrics.requests.cell((LEGACY, OUT), grpc=False)
    cell.requests += 1
    cell.responses(200, True).observe(3.5)
    cell.responses(200, True, 0).observe(0.5)
    cell.responses(504, False, None, ProfileTimeout()).observe(10)
    assert lines(metrics, "request_total") == [f"request_total{{{OUT}}} 1"]
    assert lines(metrics, "response_total") == [
        f'response_total{{{OUT},status_code="200",classification="success"}} 1',
        f'response_total{{{OUT},status_code="200",classification="success",grpc_status="0"}} 1',
        f'response_total{{{OUT},status_code="504",classification="failure",error="timeout"}} 1',
    ]
    assert f'response_latency_ms_bucket{{{OUT},status_code="200",le="4"}} 2' in metrics.registry.render().decode()


def test_control_calls() -> None:
    metrics = Metrics()
    count = metrics.control_calls("identity:8080", "identity.id")
    for status, seconds in ((200, 0.0035), (403, 0.001), (503, 0.001), (0, 10.0)):
        count(status, seconds)
    to = 'addr="identity:8080",server_id="identity.id"'
    assert lines(metrics, "control_request_total") == [f"control_request_total{{{to}}} 4"]
    assert lines(metrics, "control_response_total") == [
        f'control_response_total{{{to},status_code="200",classification="success"}} 1',
        f'control_response_total{{{to},status_code="403",classification="success"}} 1',
        f'control_response_total{{{to},status_code="503",classification="failure"}} 1',
        f'control_response_total{{{to},classification="failure",error="unclassified"}} 1',
    ]
    text = metrics.registry.render().decode()
    assert f'control_response_latency_ms_bucket{{{to},status_code="200",le="4"}} 1' in text


def test_one_count_is_seen_in_every_place() -> None:
    metrics = Metrics()
    route, server = ResourceRef("g", "HTTPRoute", "ns", "r"), ResourceRef("p", "Server", "ns", "s", 80)
    places = ((LEGACY, 'direction="inbound"'), (ALLOWED, 'srv_name="s"'), (INBOUND, inbound_labels(server, 80, route)))
    metrics.requests.cell(*places, grpc=True).requests += 1
    metrics.requests.cell((DENIED, 'srv_name="s"'), grpc=False).requests += 1
    out = ((ROUTE, route_labels(server, route)), (BACKEND, route_backend_labels(server, route, server)))
    cell = metrics.requests.cell(*out, grpc=False)
    cell.requests += 1
    cell.responses(503, False, None, LoadShed()).observe(1)
    text = metrics.registry.render().decode()
    parent = 'parent_group="p",parent_kind="Server",parent_name="s",parent_port="80"'
    assert 'request_total{direction="inbound"} 1\n' in text
    assert 'inbound_http_authz_allow_total{srv_name="s"} 1\n' in text
    assert 'inbound_http_authz_deny_total{srv_name="s"} 1\n' in text
    assert f'inbound_grpc_requests_total{{{parent},route_group="g",route_kind="HTTPRoute",route_name="r"}} 1' in text
    whole = (
        'parent_group="p",parent_kind="Server",parent_namespace="ns",parent_name="s",parent_port="80",'
        'route_group="g",route_kind="HTTPRoute",route_namespace="ns",route_name="r"'
    )
    assert f'outbound_http_route_request_statuses_total{{{whole},error="LOAD_SHED"}} 1' in text
    assert f"outbound_http_route_backend_requests_total{{{whole},backend_group=" in text
    assert f'outbound_http_route_request_duration_seconds_bucket{{{whole},le="0.05"}} 1' in text
    assert "outbound_http_route_backend_response_duration_seconds_bucket" in text


def test_route_and_control_have_their_prefix() -> None:
    metrics = Metrics()
    metrics.route.series('rt_route="x"').end(200, True, 1)
    metrics.control.series('addr="a:1"').requests.value += 1
    text = metrics.registry.render().decode()
    assert 'route_response_total{rt_route="x",status_code="200"' in text
    assert "# TYPE route_response_latency_ms histogram" in text
    assert 'control_request_total{addr="a:1"} 1' in text


def test_tcp() -> None:
    metrics = Metrics()
    base = labels.render([("direction", "inbound"), ("peer", "src")])
    series = metrics.tcp.series(base)
    series.connected()
    series.connected()
    series.closed()
    series.closed("ECONNRESET")
    series.connected()
    series.read.value += 10
    series.written.value += 20
    assert lines(metrics, "tcp_open_total") == [f"tcp_open_total{{{base}}} 3"]
    assert lines(metrics, "tcp_open_connections") == [f"tcp_open_connections{{{base}}} 1"]
    assert lines(metrics, "tcp_read_bytes_total") == [f"tcp_read_bytes_total{{{base}}} 10"]
    assert lines(metrics, "tcp_write_bytes_total") == [f"tcp_write_bytes_total{{{base}}} 20"]
    assert lines(metrics, "tcp_close_total") == [
        f"tcp_close_total{{{base}}} 1",
        f'tcp_close_total{{{base},errno="ECONNRESET"}} 1',
    ]


def test_policy_and_errors() -> None:
    metrics = Metrics()
    metrics.inbound_errors.http.labels("tls detection timeout").value += 1
    metrics.outbound_errors.tcp.labels("i/o").value += 1
    metrics.outbound_detect.results.labels("http/1").value += 1
    metrics.outbound_detect.duration.labels().observe(0.01)
    metrics.outbound_protocols.labels("opaq").value += 1
    text = metrics.registry.render().decode()
    assert 'inbound_http_errors_total{error="tls detection timeout"} 1' in text
    assert 'outbound_tcp_errors_total{error="i/o"} 1' in text
    assert 'outbound_tcp_detect_http_results_total{result="http/1"} 1' in text
    assert 'outbound_tcp_detect_http_duration_seconds_bucket{le="0.1"} 1' in text
    assert 'outbound_tcp_protocol_connections_total{protocol="opaq"} 1' in text


def test_balancer() -> None:
    metrics = Metrics()
    parent = ResourceRef("core", "Service", "emojivoto", "web-svc", 80)
    base = backend_labels(parent, parent)
    series = metrics.http_balancer.series(base)
    series.ready.value = 3
    series.add.value += 3
    series.queue_latency.observe(0.001)
    assert f'outbound_http_balancer_endpoints{{{base},endpoint_state="ready"}} 3' in metrics.registry.render().decode()
    assert parent_labels(parent) == (
        'parent_group="core",parent_kind="Service",parent_namespace="emojivoto",parent_name="web-svc",parent_port="80"'
    )


def test_build_info_is_always_there() -> None:
    assert lines(Metrics(), "proxy_build_info")[0].endswith(" 1")


def test_identity() -> None:
    metrics = Metrics()
    metrics.identity.expiration.value = 1_800_000_000
    metrics.identity.refreshes.labels("ok").value += 1
    text = metrics.registry.render().decode()
    assert "control_identity_cert_expiration_timestamp_seconds 1800000000" in text
    assert 'control_identity_cert_refreshes_total{result="ok"} 1' in text

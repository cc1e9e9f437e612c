"""The families: Linkerd's names, labels and buckets."""

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import LATENCY_MS, Metrics, backend_labels, parent_labels

OUT = labels.render([("direction", "outbound"), ("authority", "web:80")])


def lines(metrics: Metrics, name: str) -> list[str]:
    return [line for line in metrics.registry.render().decode().splitlines() if line.startswith(name + "{")]


def test_latency_buckets_are_linkerds() -> None:
    assert LATENCY_MS[:6] == (1, 2, 3, 4, 5, 10)
    assert LATENCY_MS[-5:] == (10_000, 20_000, 30_000, 40_000, 50_000)
    assert len(LATENCY_MS) == 25


def test_http() -> None:
    metrics = Metrics()
    series = metrics.http.series(OUT)
    series.requests.value += 1
    series.end(200, True, 3.5)
    series.end(200, True, 0.5, 0)
    series.end(0, False, 10, error="timeout")
    assert lines(metrics, "request_total") == [f"request_total{{{OUT}}} 1"]
    assert lines(metrics, "response_total") == [
        f'response_total{{{OUT},status_code="200",classification="success"}} 1',
        f'response_total{{{OUT},status_code="200",classification="success",grpc_status="0"}} 1',
        f'response_total{{{OUT},classification="failure",error="timeout"}} 1',
    ]
    assert f'response_latency_ms_bucket{{{OUT},status_code="200",le="4"}} 2' in metrics.registry.render().decode()


def test_statuses_that_peers_invent_share_a_series() -> None:
    metrics = Metrics()
    series = metrics.http.series(OUT)
    for status in range(600, 700):
        series.end(status, False, 1, status)
    assert lines(metrics, "response_total") == [
        f'response_total{{{OUT},status_code="unknown",classification="failure",grpc_status="unknown"}} 100'
    ]


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
    metrics.authz.http_allow.labels(base='srv_name="web"').value += 1
    metrics.inbound_errors.http.labels("tls detection timeout").value += 1
    metrics.outbound_errors.tcp.labels("i/o").value += 1
    metrics.outbound_detect.results.labels("http/1").value += 1
    metrics.outbound_detect.duration.labels().observe(0.01)
    metrics.outbound_protocols.labels("opaque").value += 1
    text = metrics.registry.render().decode()
    assert 'inbound_http_authz_allow_total{srv_name="web"} 1' in text
    assert 'inbound_http_errors_total{error="tls detection timeout"} 1' in text
    assert 'outbound_tcp_errors_total{error="i/o"} 1' in text
    assert 'outbound_tcp_detect_http_results_total{result="http/1"} 1' in text
    assert 'outbound_tcp_detect_http_duration_seconds_bucket{le="0.1"} 1' in text
    assert 'outbound_tcp_protocol_connections_total{protocol="opaque"} 1' in text


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

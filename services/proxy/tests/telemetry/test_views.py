"""Families from sums: names, labels, buckets."""

from linkerd_proxy.errors import ConnectFailed
from linkerd_proxy.telemetry.book import LATENCY_MS, Cell
from linkerd_proxy.telemetry.views import (
    COARSE_SECONDS,
    SHORT_SECONDS,
    Bounds,
    LegacyView,
    ProtocolView,
    RequestsView,
)

VIEW = ProtocolView(
    "inbound",
    requests="requests_total",
    request_duration=("request_duration_seconds", SHORT_SECONDS),
    response_duration=("response_duration_seconds", COARSE_SECONDS),
    statuses="statuses_total",
    request_frames="request_frame_size_bytes",
    response_frames="response_frame_size_bytes",
)


def cell() -> Cell:
    made = Cell()
    made.requests = 3
    made.responses(200, True).observe(3.5)
    made.responses(200, True).observe(260, 40)
    made.responses(502, False, None, ConnectFailed()).observe(0.5)
    for size in (128, 129, 20_000):
        made.response_frames.observe(size)
    return made


def test_legacy() -> None:
    out: list[str] = []
    LegacyView().write(out, {("a", False): cell(), ("a", True): cell()})
    text = "".join(out)
    assert "# TYPE request_total counter\nrequest_total{a} 6\n" in text
    assert 'response_total{a,status_code="200",classification="success"} 4\n' in text
    assert 'response_total{a,status_code="502",classification="failure",error="i/o"} 2\n' in text
    assert 'response_latency_ms_bucket{a,status_code="200",le="3"} 0\n' in text
    assert 'response_latency_ms_bucket{a,status_code="200",le="4"} 2\n' in text
    assert 'response_latency_ms_bucket{a,status_code="200",le="300"} 4\n' in text
    assert 'response_latency_ms_bucket{a,status_code="200",le="+Inf"} 4\n' in text
    assert 'response_latency_ms_sum{a,status_code="200"} 527\n' in text
    assert text.count("response_latency_ms_bucket{") == 2 * (len(LATENCY_MS) + 1)


def test_http() -> None:
    out: list[str] = []
    VIEW.write(out, {("a", False): cell()})
    text = "".join(out)
    assert "inbound_http_requests_total{a} 3\n" in text
    assert 'inbound_http_request_duration_seconds_bucket{a,le="0.25"} 2\n' in text
    assert 'inbound_http_request_duration_seconds_bucket{a,le="0.5"} 3\n' in text
    assert "inbound_http_request_duration_seconds_sum{a} 0.264\n" in text
    assert 'inbound_http_response_duration_seconds_bucket{a,le="0.05"} 3\n' in text
    assert "inbound_http_response_duration_seconds_count{a} 3\n" in text
    assert 'inbound_http_statuses_total{a,http_status="200"} 2\n' in text
    assert 'inbound_http_statuses_total{a,error="IO"} 1\n' in text
    assert "inbound_http_request_frame_size_bytes_count{a} 0\n" in text
    for bound, count in (("128", 1), ("1024", 2), ("10240", 2), ("+Inf", 3)):
        assert f'inbound_http_response_frame_size_bytes_bucket{{a,le="{bound}"}} {count}\n' in text
    assert "inbound_http_response_frame_size_bytes_sum{a} 20257\n" in text
    assert "grpc" not in text


def test_grpc() -> None:
    made = Cell()
    for status in (0, 14, None, 99):
        made.responses(200, True, status).observe(1)
    made.responses(404, True).observe(1)
    made.responses(502, False, None, ConnectFailed()).observe(1)
    out: list[str] = []
    VIEW.write(out, {("a", True): made})
    statuses = [line for line in "".join(out).splitlines() if line.startswith("inbound_grpc_statuses_total{")]
    assert statuses == [
        'inbound_grpc_statuses_total{a,grpc_status="OK"} 1',
        'inbound_grpc_statuses_total{a,grpc_status="UNAVAILABLE"} 1',
        'inbound_grpc_statuses_total{a,grpc_status="UNKNOWN"} 3',
        'inbound_grpc_statuses_total{a,grpc_status="UNKNOWN",error="IO"} 1',
    ]


def test_requests_and_nothing() -> None:
    out: list[str] = []
    view = RequestsView("x_total", "X.")
    view.write(out, {})
    LegacyView().write(out, {})
    VIEW.write(out, {})
    assert out == []
    view.write(out, {("", False): cell(), ("", True): cell()})
    assert out == ["# HELP x_total X.\n# TYPE x_total counter\n", "x_total 6\n"]


def test_bounds_are_the_books() -> None:
    for bounds in (SHORT_SECONDS, COARSE_SECONDS):
        Bounds(bounds, 1000)

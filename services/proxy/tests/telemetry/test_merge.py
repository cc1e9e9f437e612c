"""Metrics of several workers as one text."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_proxy.telemetry.merge import Lives, merge
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.telemetry.registry import Registry


def worker(requests: float, latency: float, name: str = "a") -> Registry:
    registry = Registry()
    registry.counter("request_total", "Requests.", ("route",)).labels(name).value = requests
    registry.histogram("latency_ms", "Latency.", (1, 10)).labels().observe(latency)
    registry.gauge("process_start_time_seconds", "Start.").labels().value = requests
    registry.gauge("outbound_http_balancer_endpoints", "Endpoints.").labels().value = 3
    registry.gauge("outbound_http_balancer_queue_gate_timeout_seconds", "Timeout.").labels().value = 3
    registry.gauge("tcp_open_connections", "Connections.").labels().value = 2
    return registry


def test_series_are_added_up_and_what_is_shared_is_not() -> None:
    text = merge([worker(2, 0.5).render(), worker(3.5, 7).render(), worker(1, 70, "b").render()]).decode()
    lines = text.splitlines()
    for line in (
        'request_total{route="a"} 5.5',
        'request_total{route="b"} 1',
        'latency_ms_bucket{le="1"} 1',
        'latency_ms_bucket{le="10"} 2',
        'latency_ms_bucket{le="+Inf"} 3',
        "latency_ms_count 3",
        "latency_ms_sum 77.5",
        "process_start_time_seconds 3.5",
        "outbound_http_balancer_endpoints 3",
        "outbound_http_balancer_queue_gate_timeout_seconds 3",
        "tcp_open_connections 6",
    ):
        assert line in lines
    assert lines.count("# TYPE request_total counter") == 1
    assert lines.count("# HELP request_total Requests.") == 1
    assert text.endswith("# EOF\n")


def sample(text: bytes, series: str) -> float | None:
    found = [line for line in text.decode().splitlines() if line.startswith(f"{series} ")]
    return float(found[0].rpartition(" ")[2]) if found else None


def test_what_a_worker_counted_in_the_lives_before_stays() -> None:
    """Its sums with the others' would fall, and who reads them would take the whole for counted anew."""
    lives = Lives()
    assert lives.text == b""
    assert lives.seen(worker(5, 7).render()) == worker(5, 7).render()
    # It does not answer: what it said last.
    assert sample(lives.text, 'request_total{route="a"}') == 5
    assert sample(lives.text, "tcp_open_connections") == 2
    lives.ended()
    assert sample(lives.text, 'request_total{route="a"}') == 5
    assert sample(lives.text, 'latency_ms_bucket{le="10"}') == 1
    assert sample(lives.text, "tcp_open_connections") is None
    lives.seen(worker(2, 0.5).render())
    lives.ended()
    lives.ended()
    text = lives.seen(worker(1, 0.5).render())
    assert sample(text, 'request_total{route="a"}') == 8
    assert sample(text, 'latency_ms_bucket{le="10"}') == 3
    assert sample(text, "tcp_open_connections") == 2


def test_one_text_stays_as_it_is() -> None:
    text = Metrics().registry.render()
    assert merge([text]) == text
    text = worker(2, 3).render()
    assert merge([text]) == text


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_any_label_value_survives(value: str) -> None:
    text = worker(1, 1, value).render().decode()
    merged = merge([text.encode(), text.encode()]).decode()
    assert [line.rpartition(" ")[0] for line in merged.split("\n")] == [
        line.rpartition(" ")[0] for line in text.split("\n")
    ]
    (before,) = [line for line in text.split("\n") if line.startswith("request_total")]
    assert before.removesuffix(" 1") + " 2" in merged.split("\n")

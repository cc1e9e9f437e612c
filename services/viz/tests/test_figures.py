"""Sums and shares of readings."""

import pytest

from linkerd_contract.exposition import Labels
from linkerd_viz.figures import by, total
from linkerd_viz.measurements import Reading, Series


def _reading(family: str, value: float, **labels: str) -> Reading:
    return Series(family, labels), value


def test_nothing_is_none() -> None:
    figures = total([])
    assert (figures.rps, figures.success, figures.actual_rps, figures.open, figures.read) == (None,) * 5
    assert figures.quantiles == (None, None, None)


def test_no_request_is_a_rate_of_zero_and_no_share() -> None:
    figures = total([_reading("response_total", 0.0, classification="success")])
    assert (figures.rps, figures.success) == (0.0, None)


def test_everything_adds_up() -> None:
    figures = total(
        [
            _reading("response_total", 3.0, classification="success"),
            _reading("response_total", 1.0, classification="failure"),
            _reading("route_actual_response_total", 1.0, classification="success"),
            _reading("route_actual_response_total", 1.0, classification="failure"),
            _reading("response_latency_ms_bucket", 2.0, le="1"),
            _reading("response_latency_ms_bucket", 2.0, le="1"),
            _reading("response_latency_ms_bucket", 4.0, le="+Inf"),
            _reading("tcp_open_connections", 2.0),
            _reading("tcp_read_bytes_total", 5.0),
            _reading("tcp_write_bytes_total", 7.0),
        ]
    )
    assert (figures.success, figures.rps, figures.actual_success, figures.actual_rps) == (0.75, 4.0, 0.5, 2.0)
    assert (figures.open, figures.read, figures.written) == (2.0, 5.0, 7.0)
    assert figures.quantile(0.5) == pytest.approx(0.5)


def test_by_a_key() -> None:
    def key(labels: Labels) -> str | None:
        return labels.get("x")

    readings = [_reading("response_total", 1.0, x="a"), _reading("response_total", 2.0, x="b"), _reading("t", 1.0)]
    assert {k: f.rps for k, f in by(key, readings).items()} == {"a": 1.0, "b": 2.0}


def test_a_bucket_without_a_bound_breaks_nothing() -> None:
    assert total([_reading("response_latency_ms_bucket", 1.0, le="x")]).quantile(0.5) is None

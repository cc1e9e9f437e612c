"""Quantiles against what Prometheus answers for the same buckets."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_viz.quantile import histogram_quantile

INF = math.inf


@pytest.mark.parametrize(
    ("q", "buckets", "expected"),
    [
        (0.5, {}, None),
        (0.5, {1.0: 0, INF: 0}, None),
        (0.5, {1.0: 3, 2.0: 3}, None),
        (0.5, {1.0: 10, INF: 10}, 0.5),
        (0.95, {1.0: 10, INF: 10}, 0.95),
        (0.5, {1.0: 0, 2.0: 10, INF: 10}, 1.5),
        (0.99, {1.0: 50, 2.0: 90, 3.0: 100, INF: 100}, 2.9),
        (0.99, {1.0: 50, 2.0: 90, INF: 100}, 2.0),
        (0.5, {-1.0: 10, INF: 10}, -1.0),
        (0.5, {1.0: 10, 2.0: 9, INF: 10}, 0.5),
    ],
)
def test_as_prometheus(q: float, buckets: dict[float, float], expected: float | None) -> None:
    found = histogram_quantile(q, buckets)
    assert found == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=200))
def test_lies_in_the_bucket_of_the_true_quantile(values: list[float]) -> None:
    bounds = [1.0, 5.0, 10.0, 100.0, 1000.0]
    buckets = {bound: float(sum(v <= bound for v in values)) for bound in (*bounds, INF)}
    for q in (0.5, 0.95, 0.99):
        exact = sorted(values)[max(0, math.ceil(q * len(values)) - 1)]
        upper = next(bound for bound in bounds if exact <= bound)
        lower = max((bound for bound in bounds if bound < exact), default=0.0)
        found = histogram_quantile(q, buckets)
        assert found is not None
        assert lower - 1e-9 <= found <= upper + 1e-9

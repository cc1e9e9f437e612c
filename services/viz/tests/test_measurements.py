"""Series are shared, so they are told apart by what they are, not by what they say."""

from linkerd_viz.measurements import Reading, Series


def test_a_series_is_a_key() -> None:
    one, other = Series("f", {"a": "1"}), Series("f", {"a": "1"})
    assert {one: 1, other: 2}[one] == 1
    assert Reading(one, 2.0).series.labels == {"a": "1"}

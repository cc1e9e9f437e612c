"""Series are shared, so they are told apart by what they are, not by what they say."""

import math

from linkerd_viz.measurements import Series


def test_a_series_is_a_key() -> None:
    one, other = Series("f", {"a": "1"}), Series("f", {"a": "1"})
    assert {one: 1, other: 2}[one] == 1


def test_what_its_labels_mean_is_known_from_the_start() -> None:
    assert (Series("f", {"classification": "failure"}).failed, Series("f", {"le": "+Inf"}).bound) == (True, math.inf)
    assert math.isnan(Series("f", {"le": "x"}).bound)

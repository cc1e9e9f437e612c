"""One object for series that are alike, and none for those that nobody uses."""

from linkerd_viz.measurements import Series
from linkerd_viz.shared import Shared


def test_the_same_for_the_same() -> None:
    shared = Shared(list)
    one = shared.get("f", {"a": "1"})
    assert shared.get("f", {"a": "1"}) is one
    assert shared.get("f", {"a": "2"}) is not one
    assert shared.get("g", {"a": "1"}) is not one
    assert (one.family, one.labels) == ("f", {"a": "1"})


def test_what_is_used_stays_and_the_rest_does_not_pile_up() -> None:
    used: dict[int, Series] = {}
    shared = Shared(used.values)
    for n in range(1000):
        used[n] = shared.get("f", {"used": str(n)})
    sizes = []
    for n in range(50_000):
        shared.get("f", {"pod": str(n)})
        sizes.append(len(shared))
    assert max(sizes) <= 2 * len(used)
    assert all(shared.get("f", {"used": str(n)}) is series for n, series in used.items())

"""One object for series that are alike, and none for those that nobody uses."""

from linkerd_viz.shared import Shared


def test_the_same_for_the_same() -> None:
    shared = Shared()
    one = shared.get("f", {"a": "1"})
    assert shared.get("f", {"a": "1"}) is one
    assert shared.get("f", {"a": "2"}) is not one
    assert shared.get("g", {"a": "1"}) is not one
    assert (one.family, one.labels, len(shared)) == ("f", {"a": "1"}, 3)


def test_what_is_used_stays_and_the_rest_does_not_pile_up() -> None:
    shared = Shared()
    used = [shared.get("f", {"used": str(n)}) for n in range(1000)]
    sizes, kept = [], 0
    for n in range(50_000):
        shared.get("f", {"pod": str(n)})
        if shared.crowded:
            shared.keep(used)
            kept += 1
        sizes.append(len(shared))
    assert max(sizes) <= 2 * len(used)
    # Each time, as many came as there are in use: what it costs is no more than their making.
    assert kept < 60
    assert all(shared.get("f", {"used": str(n)}) is series for n, series in enumerate(used))

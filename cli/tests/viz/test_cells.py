"""Figures in cells."""

from linkerd_cli.viz.cells import bare_rate, byte_rate, milliseconds, percent, rps, whole


def test_figures() -> None:
    assert (percent(0.98765), rps(12.34), milliseconds(17.6), byte_rate(512.5)) == (
        *("98.77%", "12.3rps", "18ms"),
        "512.5B/s",
    )
    assert bare_rate(2.345) == "2.35"
    assert whole(1.6) == 2


def test_what_was_not_measured() -> None:
    assert {percent(None), rps(None), milliseconds(None), byte_rate(None), bare_rate(None)} == {"-"}
    assert whole(None) is None

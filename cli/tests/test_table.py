"""Tables."""

from linkerd_cli.table import table


def test_figures_to_the_right() -> None:
    rows = [("web", "1/1", "100.00%"), ("a-long-name", "10/10", "-")]
    assert table(("NAME", "MESHED", "SUCCESS"), rows, left=1) == (
        "NAME          MESHED   SUCCESS\nweb              1/1   100.00%\na-long-name    10/10         -\n"
    )


def test_all_to_the_left_without_trailing_spaces() -> None:
    assert table(("SRC", "DST"), [("web", "emoji"), ("x", "y")]) == "SRC   DST\nweb   emoji\nx     y\n"


def test_no_rows() -> None:
    assert table(("A", "B"), []) == "A   B\n"

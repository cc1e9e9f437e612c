"""Verdicts on bars, and results that are kept over parts."""

from pathlib import Path

import pytest
from bench import report
from bench.cases import Bar


@pytest.mark.parametrize(
    ("bar", "ours", "theirs", "failed", "reached"),
    [
        (Bar("requests_per_second", 2.0), [30, 20, 25], [10, 10, 10], 0, True),
        (Bar("requests_per_second", 2.6), [30, 20, 25], [10, 10, 10], 0, False),
        (Bar("requests_per_second", 2.0), [30, 20, 25], [10, 10, 10], 1, False),
        (Bar("cpu_us", 1.0, at_least=False), [9, 8, 11], [10, 10, 10], 0, True),
        (Bar("cpu_us", 0.8, at_least=False), [9, 8, 11], [10, 10, 10], 0, False),
        (Bar("cpu_us"), [9, 8, 11], [10, 10, 10], 0, None),
    ],
)
def test_the_median_of_the_ratios_decides(
    bar: Bar, ours: list[float], theirs: list[float], failed: int, reached: bool | None
) -> None:
    line = report.compare("a load", bar, {"linkerd-py": ours, "envoy": theirs}, {"linkerd-py": failed})
    assert line.reached is reached
    assert ("NOT REACHED" in report.show(line)) is (reached is False)


def test_a_bar_on_our_figure_alone() -> None:
    assert report.absolute("idle", "RSS, MB", {"linkerd-py": 39.0, "envoy": 70.0}, 40).reached
    assert not report.absolute("idle", "RSS, MB", {"linkerd-py": 41.0}, 40).reached


def test_parts_measured_one_by_one_stand_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "results" / "latest.json"
    here = {"cpu": "this one"}
    first = report.absolute("a", "RSS, MB", {"linkerd-py": 1.0}, 40)
    second = report.compare("b", Bar("p50", 0.8, at_least=False), {"linkerd-py": [1.0], "envoy": [2.0]}, {})
    again = report.absolute("a", "RSS, MB", {"linkerd-py": 50.0}, 40)
    assert report.keep(file, here, [first]) == [first]
    assert len(report.keep(file, here, [second])) == 2
    kept = report.keep(file, here, [again])
    assert [(line.load, line.reached) for line in kept] == [("b", True), ("a", False)]
    text = report.table(kept)
    assert "| a | RSS, MB | 50.00 |  |  | <= 40, **not reached** |" in text
    assert "| b | p50, ms | 1.00 | 2.00 | 0.50 (0.50-0.50) | <= 0.8, reached |" in text
    # Another machine's results are not mixed in.
    assert report.keep(file, {"cpu": "another"}, [first]) == [first]

"""The lean parser against tables, and against prometheus_client's."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from linkerd_contract.exposition import Unreadable, parse, parse_labels


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a 1", [("a", "", 1.0)]),
        ("a{} 1", [("a", "", 1.0)]),
        ('a{x="1",y="2"} 1.5', [("a", 'x="1",y="2"', 1.5)]),
        ('a{x="}"} 2', [("a", 'x="}"', 2.0)]),
        ('a{x="\\"{"} 2', [("a", 'x="\\"{"', 2.0)]),
        ("a 1 1700000000", [("a", "", 1.0)]),
        ('a{le="+Inf"} 3 # {trace="x"} 1', [("a", 'le="+Inf"', 3.0)]),
        ("a +Inf", [("a", "", math.inf)]),
        ("# TYPE a counter\n# HELP a no\nab 1\n\n# EOF\n", []),
    ],
)
def test_lines(line: str, expected: list[tuple[str, str, float]]) -> None:
    assert list(parse(line, frozenset({"a"}))) == expected


@pytest.mark.parametrize("line", ["a", "a x", 'a{x="1" 1', 'a{x="1}'])
def test_a_broken_line_of_a_wanted_family_is_named(line: str) -> None:
    with pytest.raises(Unreadable, match="line 2"):
        list(parse(f"b 1\n{line}", frozenset({"a"})))


def test_a_broken_line_of_another_family_does_not_matter() -> None:
    assert list(parse("b{{{ x\na 1", frozenset({"a"}))) == [("a", "", 1.0)]


def test_labels() -> None:
    assert parse_labels('a="1",b="x\\n\\"\\\\y",') == {"a": "1", "b": 'x\n"\\y'}
    with pytest.raises(Unreadable):
        parse_labels("a=1")


_VALUES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), whitelist_characters='\n"\\{}, ='), max_size=12)


@given(
    st.dictionaries(_VALUES, st.floats(0, 1e12), max_size=5),
    st.lists(st.floats(0, 100), max_size=5),
)
def test_reads_what_prometheus_client_reads(counts: dict[str, float], observed: list[float]) -> None:
    registry = CollectorRegistry()
    counter = Counter("requests", "", ("path",), registry=registry)
    gauge = Gauge("open", "", registry=registry)
    histogram = Histogram("latency_ms", "", buckets=(1, 10), registry=registry)
    for path, value in counts.items():
        counter.labels(path).inc(value)
        gauge.set(value)
    for value in observed:
        histogram.observe(value)
    page = generate_latest(registry).decode()
    wanted = frozenset({"requests_total", "open", "latency_ms_bucket"})
    ours = [(name, parse_labels(text), value) for name, text, value in parse(page, wanted)]
    theirs = [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name in wanted
    ]
    assert ours == theirs

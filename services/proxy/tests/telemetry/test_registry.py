"""The registry: exposition, bounded series, idle eviction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from linkerd_proxy.telemetry.registry import Registry, number


def samples(registry: Registry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a Prometheus reads."""
    text = registry.render().decode()
    assert text.endswith("# EOF\n")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counters_and_gauges() -> None:
    registry = Registry()
    family = registry.counter("request_total", "Requests.", ("code",))
    held = family.labels("200", base='direction="inbound"')
    held.value += 1
    held.value += 2
    registry.gauge("up", "Up.").labels().value = -0.5
    assert registry.render() == (
        b"# HELP request_total Requests.\n# TYPE request_total counter\n"
        b'request_total{direction="inbound",code="200"} 3\n'
        b"# HELP up Up.\n# TYPE up gauge\nup -0.5\n"
        b"# EOF\n"
    )
    assert family.labels("200", base='direction="inbound"') is held


def test_histogram_bounds_are_inclusive_and_counts_cumulative() -> None:
    registry = Registry()
    histogram = registry.histogram("latency_ms", "Latency.", (1, 2, 5), ("code",)).labels("200")
    for value in (0.5, 1, 1.5, 5, 6):
        histogram.observe(value)
    read = samples(registry)
    by_bound = {dict(labels)["le"]: value for (name, labels), value in read.items() if name == "latency_ms_bucket"}
    assert by_bound == {"1": 2, "2": 3, "5": 4, "+Inf": 5}
    assert read["latency_ms_sum", (("code", "200"),)] == 14
    assert read["latency_ms_count", (("code", "200"),)] == 5
    assert histogram.count == 5


def test_a_family_without_series_is_not_written() -> None:
    registry = Registry()
    registry.counter("a_total", "A.")
    assert registry.render() == b"# EOF\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_any_label_value_is_read_back(value: str) -> None:
    registry = Registry()
    registry.counter("a_total", "A.", ("value",)).labels(value).value = 1
    [(_, pairs)] = samples(registry)
    assert pairs == ((("value", value),) if value else ())


def test_series_are_bounded() -> None:
    registry = Registry()
    family = registry.counter("a_total", "A.", ("peer",))
    family.limit = 10
    for peer in range(15):
        family.labels(str(peer)).value += 1
    assert len(family) == 10
    read = samples(registry)
    assert read["proxy_metrics_series_dropped_total", (("family", "a_total"),)] == 5
    assert sum(value for (name, _), value in read.items() if name == "a_total") == 10


def test_idle_series_are_dropped_unless_held_or_changed() -> None:
    registry = Registry()
    family = registry.counter("a_total", "A.", ("peer",))
    held = family.labels("held")
    held.value = 1
    family.labels("idle").value = 1
    family.labels("busy").value = 1
    assert registry.evict(0, 600) == 0
    family.labels("busy").value += 1
    assert registry.evict(300, 600) == 0
    assert registry.evict(600, 600) == 1
    assert {dict(labels)["peer"] for (name, labels) in samples(registry) if name == "a_total"} == {"held", "busy"}
    assert registry.evict(900, 600) == 1
    del held
    assert registry.evict(901, 600) == 0
    assert registry.evict(1600, 600) == 1
    assert len(family) == 0


def test_histograms_are_dropped_too() -> None:
    registry = Registry()
    registry.histogram("h", "H.", (1,)).labels().observe(1)
    registry.evict(0, 10)
    assert registry.evict(10, 10) == 1


def test_who_listens_hears_of_what_is_dropped() -> None:
    registry = Registry()
    family = registry.counter("a_total", "A.", ("x",))
    heard: list[tuple[str, float]] = []
    family.on_evicted = lambda base, counter: heard.append((base, counter.value))
    family.labels("1", base='b="2"').value = 3
    assert family.peek('b="2"', "1") is not None
    for now in (0, 10):
        registry.evict(now, 10)
    assert heard == [('b="2"', 3)]
    assert family.peek('b="2"', "1") is None


def test_histograms_add_up() -> None:
    one, two = (Registry().histogram("h", "H.", (1, 2)).labels() for _ in range(2))
    one.observe(1)
    two.observe(2)
    two.observe(3)
    one.add(two)
    assert (one.counts, one.sum) == ([1, 1, 1], 6)


def test_misuse_is_an_error() -> None:
    registry = Registry()
    family = registry.counter("a_total", "A.", ("x",))
    with pytest.raises(ValueError, match="twice"):
        registry.gauge("a_total", "A.")
    with pytest.raises(TypeError):
        family.labels()


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (1.0, "1"), (0.25, "0.25"), (2**53, str(2**53)), (-3.0, "-3")])
def test_number(value: float, text: str) -> None:
    assert number(value) == text

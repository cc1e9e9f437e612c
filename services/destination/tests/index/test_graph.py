"""Readers and facts, both ways."""

from hypothesis import given
from hypothesis import strategies as st

from linkerd_destination.index.graph import Fact, Graph


def test_a_reader_depends_on_its_last_reading_only() -> None:
    graph: Graph[str] = Graph()
    graph.record("r", [("pod", "a"), ("pod", "b")])
    graph.record("r", [("pod", "b"), ("pod", "c")])
    assert graph.readers([("pod", "a")]) == set()
    assert graph.readers([("pod", "b"), ("pod", "c")]) == {"r"}
    graph.add("r", [("pod", "a")])
    assert graph.readers([("pod", "a")]) == graph.readers([("pod", "c")]) == {"r"}
    graph.forget("r")
    graph.forget("r")
    assert len(graph) == 0


_FACTS = st.frozensets(st.sampled_from([("f", str(n)) for n in range(6)]), max_size=6)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | _FACTS)))
def test_both_ways_agree(steps: list[tuple[str, frozenset[Fact] | None]]) -> None:
    graph: Graph[str] = Graph()
    model: dict[str, frozenset[Fact]] = {}
    for reader, facts in steps:
        if facts is None:
            graph.forget(reader)
            model.pop(reader, None)
        else:
            graph.record(reader, facts)
            model[reader] = facts
    for n in range(6):
        fact = ("f", str(n))
        assert graph.readers([fact]) == {r for r, facts in model.items() if fact in facts}
    assert len(graph) == len(frozenset().union(*model.values()))

"""Which events are news: a table, and random duplicated and reordered streams against the truth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_kube.history import History, newer
from linkerd_kube.objects import ObjectMeta


def meta(name: str, version: int, uid: str = "u") -> ObjectMeta:
    return ObjectMeta(name=name, namespace="ns", uid=uid, resource_version=str(version))


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [("2", "1", True), ("10", "9", True), ("1", "1", False), ("1", "2", False), ("b", "a", True), ("a", "a", False)],
)
def test_newer(version: str, than: str, expected: bool) -> None:
    assert newer(version, than) is expected


def test_a_list_forgets_everything() -> None:
    history: History[str] = History()
    history.apply(meta("a", 5), "a5")
    history.reset([(meta("b", 2), "b2")])
    assert history.objects() == ["b2"]
    assert history.get(("ns", "a")) is None
    assert history.is_news(meta("a", 1))


def test_a_deletion_with_the_objects_own_version_counts() -> None:
    history: History[str] = History()
    history.apply(meta("a", 5), "a5")
    assert history.delete(meta("a", 5)) == "a5"
    assert history.delete(meta("a", 5)) is None


def test_tombstones_are_bounded() -> None:
    history: History[str] = History()
    for n in range(10_000):
        history.delete(meta(f"p{n}", n))
    assert len(history._tombstones) <= 4096


# A history of one object: at each version it is written (True) or deleted (False).
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.data())
def test_however_events_come_the_newest_wins(writes: list[bool], data: st.DataObject) -> None:
    events = [(version, written) for version, written in enumerate(writes, start=1)]
    order = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=12))))
    history: History[int] = History()
    shown: list[int] = []
    for version, written in order:
        if not written:
            history.delete(meta("a", version))
        elif history.is_news(meta("a", version)):
            history.apply(meta("a", version), version)
            shown.append(version)
    assert shown == sorted(set(shown))
    assert history.objects() == ([len(writes)] if writes[-1] else [])

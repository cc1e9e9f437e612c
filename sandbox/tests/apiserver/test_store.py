"""The store: revisions, history, order."""

import pytest

from linkerd_sandbox.apiserver.store import Event, Expired, Store


def _put(store: Store, name: str, namespace: str = "a", **extra: object) -> int:
    return store.put("pods", {"metadata": {"name": name, "namespace": namespace, **extra}}, {}).revision


def test_writes_take_consecutive_revisions_and_write_them_into_the_object() -> None:
    store = Store()
    first, second = _put(store, "x"), _put(store, "y")
    assert second == first + 1
    stored = store.get("pods", "a", "y")
    assert stored is not None
    assert stored.body["metadata"]["resourceVersion"] == str(second)
    assert f'"resourceVersion":"{second}"'.encode() in stored.raw


def test_scan_orders_by_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("b", "1"), ("a", "2"), ("a", "1")):
        _put(store, name, namespace)
    assert [item.key for item in store.scan("pods")] == [("a", "1"), ("a", "2"), ("b", "1")]
    assert [item.key for item in store.scan("pods", "b")] == [("b", "1")]
    assert list(store.scan("services")) == []


def test_since_gives_the_events_of_one_bucket_after_a_revision() -> None:
    store = Store()
    start = _put(store, "x")
    store.put("services", {"metadata": {"name": "s"}}, {})
    _put(store, "x")
    body = {"metadata": {"name": "x", "namespace": "a"}}
    store.remove("pods", body, {})
    events = store.since("pods", start)
    assert [(event.type, event.item.key[1]) for event in events] == [("MODIFIED", "x"), ("DELETED", "x")]
    assert store.since("pods", store.revision) == []
    assert events[1].previous is not None


def test_history_is_bounded_by_count_and_by_bytes() -> None:
    store = Store(history=3)
    start = store.revision
    for _ in range(5):
        _put(store, "x")
    with pytest.raises(Expired) as caught:
        store.since("pods", start)
    assert len(store.since("pods", caught.value.oldest)) == 3
    small = Store(history_bytes=10)
    begun = small.revision
    _put(small, "x", labels={"long": "text" * 10})
    _put(small, "x")
    with pytest.raises(Expired):
        small.since("pods", begun)


def test_watchers_are_called_until_they_cancel() -> None:
    store = Store()
    seen: list[Event] = []
    cancel = store.subscribe("pods", seen.append)
    _put(store, "x")
    cancel()
    _put(store, "y")
    assert [event.item.key[1] for event in seen] == ["x"]


def test_history_keeps_one_copy_and_can_still_show_the_object() -> None:
    store = Store()
    start = store.revision
    _put(store, "x", labels={"v": "1"})
    _put(store, "x", labels={"v": "2"})
    assert [event.item.body["metadata"]["labels"]["v"] for event in store.since("pods", start)] == ["1", "2"]

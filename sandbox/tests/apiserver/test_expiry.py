"""Events end an hour after they were last seen."""

from typing import Any

from linkerd_sandbox.apiserver.expiry import forget_events
from linkerd_sandbox.apiserver.kinds import Registry
from linkerd_sandbox.apiserver.store import Store


def test_old_events_go() -> None:
    store = Store()
    times: dict[str, dict[str, Any]] = {
        "old": {"lastTimestamp": "2023-11-14T21:00:00Z"},
        "again": {
            "lastTimestamp": "2023-11-14T21:00:00Z",
            "series": {"lastObservedTime": "2023-11-14T22:00:00.000000Z"},
        },
        "new": {"eventTime": "2023-11-14T22:00:00.000000Z"},
    }
    for name, body in times.items():
        store.put("events", {"metadata": {"name": name, "namespace": "n"}, **body}, {})
    assert forget_events(store, Registry(), 1_700_000_000.0) == 1
    assert [item.key[1] for item in store.scan("events")] == ["again", "new"]

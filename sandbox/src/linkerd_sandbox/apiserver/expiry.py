"""Events are forgotten an hour after they were last seen, as with kube-apiserver's --event-ttl."""

import asyncio
import time

from linkerd_sandbox.apiserver.kinds import Registry, field_values
from linkerd_sandbox.apiserver.objects import JsonObject, copy, dig
from linkerd_sandbox.apiserver.store import Store
from linkerd_sandbox.apiserver.tables.cells import seconds_of

EVENT_SECONDS = 3600.0
_ROUND_SECONDS = 60.0
_TIMES = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))


def last_seen(event: JsonObject) -> float:
    """Unix seconds at which the event was last seen; 0 where it does not say."""
    return max(seconds_of(dig(event, *path)) or 0.0 for path in _TIMES)


def forget_events(store: Store, registry: Registry, now: float) -> int:
    """Remove events whose time is over; how many they were."""
    kind = registry.find("", "v1", "events")
    assert kind is not None
    old = [item for item in store.scan(kind.qualified) if last_seen(item.body) < now - EVENT_SECONDS]
    for item in old:
        body = copy(item.body)
        store.remove(kind.qualified, body, field_values(kind, body))
    return len(old)


async def keep_forgetting(store: Store, registry: Registry) -> None:
    """Forget events, for ever."""
    while True:
        await asyncio.sleep(_ROUND_SECONDS)
        forget_events(store, registry, time.time())

"""Kubernetes Events: what people see in `kubectl describe`. Repetitions are counted in one Event, not written again.

Recording never fails its caller: an Event that cannot be written is a log line.
"""

import datetime
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, NotFound
from linkerd_kube.objects import JsonObject, ObjectRef

log = logging.getLogger(__name__)

_WINDOW_SECONDS = 600.0  # client-go aggregates over ten minutes
_MAX_KEYS = 1024
_MAX_MESSAGE = 1024  # the API server refuses longer ones
_BURST, _REFILL_SECONDS = 25, 12.0  # per object: 25 at once, then five a minute, so that a storm spares the API server


@dataclass(slots=True)
class _Posted:
    name: str
    count: int
    at: float


class EventRecorder:
    """Writes Events on behalf of one component ("linkerd-destination"). `host` is the pod's or node's name."""

    def __init__(self, client: KubeClient, component: str, host: str = "") -> None:
        self._client = client
        self._component = component
        self._host = host
        self._posted: OrderedDict[tuple[ObjectRef, str, str, str], _Posted] = OrderedDict()
        self._tokens: OrderedDict[ObjectRef, tuple[float, float]] = OrderedDict()

    async def record(self, involved: ObjectRef, type: str, reason: str, message: str) -> None:
        """`type` is "Normal" or "Warning"; `reason` is one CamelCase word; `message` is a sentence for people."""
        now = time.monotonic()
        if not self._allow(involved, now):
            return
        message = message[:_MAX_MESSAGE]
        key = (involved, type, reason, message)
        posted = self._posted.pop(key, None)
        try:
            if posted is not None and now - posted.at < _WINDOW_SECONDS:
                posted = await self._count(involved, posted, now)
            else:
                posted = None
            if posted is None:
                posted = _Posted(await self._create(involved, type, reason, message), 1, now)
        except ApiError as error:
            log.warning("cannot write the event %s on %s %s: %s", reason, involved.kind, involved.name, error)
            return
        self._posted[key] = posted
        while len(self._posted) > _MAX_KEYS:
            self._posted.popitem(last=False)

    def _allow(self, involved: ObjectRef, now: float) -> bool:
        tokens, at = self._tokens.pop(involved, (float(_BURST), now))
        tokens = min(float(_BURST), tokens + (now - at) / _REFILL_SECONDS)
        allowed = tokens >= 1.0
        self._tokens[involved] = (tokens - 1.0 if allowed else tokens, now)
        while len(self._tokens) > _MAX_KEYS:
            self._tokens.popitem(last=False)
        return allowed

    async def _count(self, involved: ObjectRef, posted: _Posted, now: float) -> _Posted | None:
        """One more of an Event that is there; None where it was deleted meanwhile."""
        path = resources.EVENTS.path(involved.namespace or "default", posted.name)
        try:
            await self._client.patch(path, {"count": posted.count + 1, "lastTimestamp": _rfc3339()})
        except NotFound:
            return None
        return _Posted(posted.name, posted.count + 1, now)

    async def _create(self, involved: ObjectRef, type_: str, reason: str, message: str) -> str:
        namespace = involved.namespace or "default"
        # As client-go: the object's name, a dot, and the time in hexadecimal nanoseconds.
        name = f"{involved.name[:230] or 'unknown'}.{time.time_ns():x}"
        stamp = _rfc3339()
        body: JsonObject = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name.lower(), "namespace": namespace},
            "involvedObject": {
                "apiVersion": involved.api_version,
                "kind": involved.kind,
                "name": involved.name,
                "namespace": involved.namespace,
                "uid": involved.uid,
            },
            "type": type_,
            "reason": reason,
            "message": message,
            "source": {"component": self._component, "host": self._host},
            "reportingComponent": self._component,
            "reportingInstance": self._host,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        created = await self._client.create(resources.EVENTS.path(namespace), body)
        return str((created.get("metadata") or {}).get("name") or body["metadata"]["name"])


def _rfc3339() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

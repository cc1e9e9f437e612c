"""Traces that requests bring along are joined: W3C traceparent, else B3. None is started here (Linkerd).

A sampled request becomes a span of this proxy, whose parent is what the request came with, and goes on with the new
span as the parent of what follows. A request that is not sampled, or brings no trace, is not touched.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.control.spans import CLIENT, SERVER, Span
from linkerd_proxy.http.exchange import Exchange
from linkerd_proxy.http.request import RequestHead
from linkerd_proxy.http.watch import Facts, Watch
from linkerd_proxy.transport.turn import Turn

_TRACEPARENT = b"traceparent"
_B3_TRACE, _B3_SPAN, _B3_PARENT = b"x-b3-traceid", b"x-b3-spanid", b"x-b3-parentspanid"
_B3_SAMPLED, _B3_FLAGS = b"x-b3-sampled", b"x-b3-flags"
_HEX = frozenset(b"0123456789abcdef")
MAX_TEXT = 256


class Parent(NamedTuple):
    """The trace that a request belongs to. Ids in lower-case hex; `w3c`: from traceparent."""

    trace_id: bytes
    span_id: bytes
    w3c: bool


def parent_of(fields: Headers) -> Parent | None:
    """The sampled trace of a request, None where there is none, or what says so is malformed."""
    value = find(fields, _TRACEPARENT)
    if value is not None:
        found = _traceparent(value)
        if found is not None:
            parent, sampled = found
            return parent if sampled else None
    trace, span = find(fields, _B3_TRACE), find(fields, _B3_SPAN)
    if trace is None or span is None:
        return None
    sampled = find(fields, _B3_SAMPLED) in (b"1", b"true") or find(fields, _B3_FLAGS) == b"1"
    trace, span = trace.lower(), span.lower()
    if not sampled or len(trace) not in (16, 32) or not _is_id(trace, len(trace)) or not _is_id(span, 16):
        return None
    return Parent(trace.rjust(32, b"0"), span, False)


def _traceparent(value: bytes) -> tuple[Parent, bool] | None:
    """`VERSION-TRACE-PARENT-FLAGS`; later versions may have more after it (Trace Context section 3.2)."""
    parts = value.split(b"-")
    if len(parts) < 4 or parts[0] == b"ff" or (parts[0] == b"00" and len(parts) > 4):
        return None
    version, trace, span, flags = parts[:4]
    if not (_hex(version, 2) and _is_id(trace, 32) and _is_id(span, 16) and _hex(flags, 2)):
        return None
    return Parent(trace, span, True), int(flags, 16) & 1 != 0


def _hex(value: bytes, length: int) -> bool:
    return len(value) == length and _HEX.issuperset(value)


def _is_id(value: bytes, length: int) -> bool:
    return _hex(value, length) and value.strip(b"0") != b""


def continued(fields: Headers, parent: Parent, span_id: bytes) -> Headers:
    """The fields for what follows, whose parent is now this span."""
    if parent.w3c:
        flags = (find(fields, _TRACEPARENT) or b"").split(b"-")[3]
        value = b"00-" + parent.trace_id + b"-" + span_id + b"-" + flags
        return [(name, value) if name == _TRACEPARENT else (name, old) for name, old in fields]
    kept = [field for field in fields if field[0] not in (_B3_SPAN, _B3_PARENT)]
    return [*kept, (_B3_SPAN, span_id), (_B3_PARENT, parent.span_id)]


class Tracer:
    """`hook` is for Hooks."""

    def __init__(
        self,
        put: Callable[[Span], None],
        turn: Turn,
        random_bits: Callable[[int], int],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`put` takes finished spans; `clock` gives unix seconds."""
        self._put = put
        self._turn = turn
        self._random_bits = random_bits
        self._clock = clock

    def hook(self, x: Exchange, facts: Facts) -> None:
        """A request: join its trace, if it has one."""
        head = x.head
        parent = parent_of(head.fields)
        if parent is None:
            return
        span_id = b"%016x" % (self._random_bits(64) or 1)
        x.head = RequestHead(continued(head.fields, parent, span_id), head.version, head.flags)
        SpanWatch(x, facts, self, parent, span_id)

    def finish(self, watch: "SpanWatch", x: Exchange) -> None:
        """The span has ended."""
        now = self._clock()
        facts, head = watch.facts, x.head
        status = watch.status
        client = facts.client(x)
        span = Span(
            trace_id=watch.parent.trace_id.decode(),
            span_id=watch.span_id.decode(),
            parent_id=watch.parent.span_id.decode(),
            name=_text(head.path.partition(b"?")[0]),
            kind=SERVER if facts.inbound else CLIENT,
            start_ns=round((now - (self._turn.now - x.started)) * 1e9),
            end_ns=round(now * 1e9),
            attributes={
                "direction": "inbound" if facts.inbound else "outbound",
                "http.request.method": _text(head.method),
                "url.path": _text(head.path.partition(b"?")[0]),
                "http.request.header.host": _text(head.authority),
                "http.response.status_code": status,
                "client.address": "" if client is None else client.host,
                "network.peer.address": str(facts.destination),
                "error.type": "" if watch.error is None else watch.error.label,
            },
            failed=watch.error is not None or status[:1] == "5",
        )
        self._put(span)


class SpanWatch(Watch):
    """One request on its way to its span."""

    __slots__ = ("_tracer", "facts", "parent", "span_id", "status")

    def __init__(self, x: Exchange, facts: Facts, tracer: Tracer, parent: Parent, span_id: bytes) -> None:
        super().__init__(x)
        self._tracer = tracer
        self.facts = facts
        self.parent = parent
        self.span_id = span_id
        self.status = ""

    def started(self, x: Exchange, head: Headers) -> None:
        self.status = head[0][1].decode("latin-1")

    def lost(self, x: Exchange, error: object) -> None:
        # An attempt that failed is over; another one is another span.
        if not self.facts.inbound:
            self.finish(x)

    def ended(self, x: Exchange, trailers: Headers) -> None:
        self._tracer.finish(self, x)


def _text(value: bytes) -> str:
    return value[:MAX_TEXT].decode("latin-1")

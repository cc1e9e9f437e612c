"""Defences with numbers: what a peer may do that costs us more than it.

Two tallies, measured against work that is worth something and forgiven with time (`Limits.tick`), so that honest peers
never meet them. Passing one is a connection error ENHANCE_YOUR_CALM.

- chatter: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown frames, empty DATA, frames for streams that are gone.
  Every `CHATTER_BURST` of them at least one per `CHATTER_PER_WORK` must have been matched by a stream opened or a DATA
  frame that we sent (each earns a WINDOW_UPDATE or two).
- wasted: streams that the peer had us open and then reset young, before an answer (rapid reset, CVE-2023-44487), had
  us reset by breaking a rule (CVE-2025-8671), or opened beyond our limit. Every `WASTED_BURST` of them, they must have
  been less than half of all streams: hedged and cancelled requests are part of honest traffic.
"""

CHATTER_BURST = 1_000
CHATTER_PER_WORK = 10
CHATTER_PER_SECOND = 100

WASTED_BURST = 500
"""Envoy cuts at 500 premature resets when they are half of all streams; nghttp2 at 1,000."""
WASTED_PER_SECOND = 50
YOUNG_READS = 64
"""A stream is young while the connection was read so many times since: rapid resets come in the same packets or the
next ones, a client's deadline passes later or, on a quiet connection, seldom enough for time to forgive it."""

MAX_CONTINUATIONS = 32
"""Frames of one header block (CVE-2024-27316): 64 KiB need 4 of the smallest frame limit."""


class Limits:
    __slots__ = ("chatter", "now", "streams_before", "wasted", "work_before")

    def __init__(self) -> None:
        self.chatter = 0
        self.work_before = 0
        self.wasted = 0
        self.streams_before = 0
        self.now = 0.0

    def tick(self, now: float) -> None:
        """``now`` in seconds of any monotonic clock, at most every second or so."""
        passed = max(0.0, now - self.now) if self.now else 0.0
        self.now = now
        self.chatter = max(0, self.chatter - int(passed * CHATTER_PER_SECOND))
        self.wasted = max(0, self.wasted - int(passed * WASTED_PER_SECOND))

    def chatter_is_too_much(self, work: int) -> bool:
        """One more frame without worth; ``work`` counts what was of worth since the connection began."""
        self.chatter += 1
        if self.chatter <= CHATTER_BURST:
            return False
        if (work - self.work_before) * CHATTER_PER_WORK < CHATTER_BURST:
            return True
        self.work_before = work
        self.chatter = 0
        return False

    def waste_is_too_much(self, streams: int) -> bool:
        """One more stream for nothing, of ``streams`` since the connection began."""
        self.wasted += 1
        if self.wasted <= WASTED_BURST:
            return False
        if streams - self.streams_before < 2 * self.wasted:
            return True
        self.streams_before = streams
        self.wasted = 0
        return False

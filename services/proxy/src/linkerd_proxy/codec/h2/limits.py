"""Defences with numbers: what a peer may do that costs us more than it.

Two tallies, both cut by work that is worth something and by time (`Limits.tick`), so that honest peers never meet them
and idle connections forgive. Passing one is a connection error ENHANCE_YOUR_CALM.

- chatter: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown frames, empty DATA, frames for streams that are gone.
  Every `CHATTER_BURST` of them at least one per `CHATTER_PER_WORK` must have been matched by a stream opened or a DATA
  frame that we sent (each earns a WINDOW_UPDATE or two).
- wasted: streams that the peer had us open and then reset young, before an answer (rapid reset, CVE-2023-44487), or had
  us reset by breaking a rule (CVE-2025-8671).
"""

CHATTER_BURST = 1_000
CHATTER_PER_WORK = 10
CHATTER_PER_SECOND = 100

WASTED_BURST = 500
"""Envoy cuts at 500 premature resets, nghttp2 at 1,000; a proxy's client that cancels everything it asked for within a
deadline's length is not seen here: only streams younger than `YOUNG_SECONDS` count."""
WASTED_PER_SECOND = 50
YOUNG_SECONDS = 1.0

MAX_CONTINUATIONS = 32
"""Frames of one header block (CVE-2024-27316): 64 KiB need 4 of the smallest frame limit."""


class Limits:
    __slots__ = ("chatter", "now", "wasted", "work_before")

    def __init__(self) -> None:
        self.chatter = 0
        self.work_before = 0
        self.wasted = 0
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

    def waste_is_too_much(self) -> bool:
        """One more stream for nothing."""
        self.wasted += 1
        return self.wasted > WASTED_BURST

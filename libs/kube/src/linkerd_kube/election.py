"""PURE: who leads, decided from a Lease and a clock of our own.

As client-go: other machines' clocks are not trusted. A holder is dead when its record has not changed for the lease's
duration by our monotonic clock, counted from when we first saw the record; times inside the record are for people.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """What counts of a Lease. `holder` "" means nobody. `version` is the object's resourceVersion."""

    holder: str
    renewed: str
    duration_seconds: float
    transitions: int
    version: str


@dataclass(frozen=True, slots=True)
class Create:
    """There is no Lease: create it with us as the holder."""


@dataclass(frozen=True, slots=True)
class Take:
    """Write us into the Lease at `version`; `transitions` counts up when the holder changes."""

    version: str
    transitions: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody else leads; look again in `seconds`."""

    seconds: float


class Election:
    """One candidate's view. Times are seconds of one monotonic clock."""

    def __init__(self, identity: str, retry_seconds: float) -> None:
        self._identity = identity
        self._retry = retry_seconds
        self._record: Record | None = None
        self._seen_at = 0.0
        self.holder = ""
        """Who held the Lease when it was last read or written."""

    def won(self) -> None:
        """What was decided has been written."""
        self.holder = self._identity

    def decide(self, record: Record | None, now: float) -> Create | Take | Wait:
        """What to do about the Lease as it was just read (None: there is none)."""
        self.holder = "" if record is None else record.holder
        if record is None:
            self._record = None
            return Create()
        before = self._record
        if before is None or (before.holder, before.renewed) != (record.holder, record.renewed):
            self._seen_at = now
        self._record = record
        if record.holder == self._identity:
            return Take(record.version, record.transitions)
        if not record.holder:
            return Take(record.version, record.transitions + 1)
        left = self._seen_at + record.duration_seconds - now
        if left <= 0:
            return Take(record.version, record.transitions + 1)
        return Wait(min(left, self._retry))

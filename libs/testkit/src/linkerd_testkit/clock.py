"""A clock that tests move."""


class FakeClock:
    """Monotonic seconds for code that takes its clock as an argument: `clock()` reads, `clock.advance(s)` moves."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.now

    def advance(self, seconds: float) -> float:
        """Move forward and return the new time. Raises ValueError for a negative step."""
        if seconds < 0:
            raise ValueError("a monotonic clock does not go back")
        self.now += seconds
        return self.now

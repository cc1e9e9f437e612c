"""Failing fast: when nothing could take a request for longer than a timeout, requests fail at once until something can.

Without it every request of a dead service would wait its whole time in the queue (Linkerd: failfast, 504).
"""


class FailFast:
    """The caller says when the service becomes ready and unready; `timeout` in seconds, `now` monotonic seconds."""

    __slots__ = ("_timeout", "_unready_since", "active")

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._unready_since: float | None = None
        self.active = False
        """Whether requests fail at once."""

    @property
    def deadline(self) -> float | None:
        """When failing begins if nothing becomes ready; None while ready or failing already."""
        return None if self._unready_since is None or self.active else self._unready_since + self._timeout

    def unready(self, now: float) -> None:
        """Nothing can take a request. Only the first call counts."""
        if self._unready_since is None:
            self._unready_since = now

    def ready(self) -> None:
        """Something can."""
        self._unready_since = None
        self.active = False

    def check(self, now: float) -> bool:
        """Whether requests fail at once by now. The caller fails what is queued when this turns true."""
        deadline = self.deadline
        if deadline is not None and now >= deadline:
            self.active = True
        return self.active

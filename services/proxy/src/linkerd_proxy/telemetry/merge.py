"""The metrics of several workers as those of one process: Prometheus text in, Prometheus text out.

Samples of the same series are added up; what is the same for all workers (when the process started, what the pod's
network carried, how many endpoints discovery knows) is the largest of them. What a worker has counted stays when it
ends: a sum that fell would be taken for a restart of the whole.
"""

import re
from collections.abc import Iterable, Sequence

_SHARED = re.compile(
    r"process_(start_time_seconds|clock_time_seconds|uptime_seconds_total|max_fds|network_\w+)"
    r"|proxy_build_info|control_identity_cert_\w+_timestamp_seconds|\w+_balancer_(endpoints|p2c_endpoints)"
    r"|\w+_queue_gate_(open_time|shut_time|timeout)_seconds"
)
END = "# EOF\n"


class _Family:
    """One family: its HELP and TYPE lines, and its samples by series."""

    def __init__(self, head: list[str], shared: bool) -> None:
        self.head = head
        self.shared = shared
        self.samples: dict[str, float] = {}

    def add(self, series: str, value: float) -> None:
        before = self.samples.get(series)
        if before is None:
            self.samples[series] = value
        else:
            self.samples[series] = max(before, value) if self.shared else before + value


def merge(texts: Sequence[bytes]) -> bytes:
    """One text of those of all workers, families in the order of the first that has them."""
    families: dict[str, _Family] = {}
    for text in texts:
        _read(text.decode(), families)
    return _written(families.values())


def _written(families: Iterable[_Family]) -> bytes:
    out: list[str] = []
    for family in families:
        out += [f"{line}\n" for line in family.head]
        out += [f"{series} {_number(value)}\n" for series, value in family.samples.items()]
    out.append(END)
    return "".join(out).encode()


def counted(text: bytes) -> bytes:
    """Of a text what only grows: counters and histograms."""
    families: dict[str, _Family] = {}
    _read(text.decode(), families)
    return _written([family for family in families.values() if not family.head[-1].endswith(" gauge")])


class Lives:
    """The metrics of one worker over all of its lives. Empty before the first answer."""

    def __init__(self) -> None:
        self._before = self._last = b""

    @property
    def text(self) -> bytes:
        """What it counted before, and what it said last in this life."""
        texts = [text for text in (self._last, self._before) if text]
        return merge(texts) if len(texts) > 1 else b"".join(texts)

    def seen(self, text: bytes) -> bytes:
        """An answer; all together."""
        self._last = text
        return self.text

    def ended(self) -> None:
        """A life has ended: its gauges are gone. What it counted after its last answer is lost."""
        if self._last:
            before = counted(self._last)
            self._before = merge([self._before, before]) if self._before else before
            self._last = b""


def _read(text: str, families: dict[str, _Family]) -> None:
    head: list[str] = []
    family: _Family | None = None
    # Not splitlines: a label's value may hold what it takes for the end of a line.
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# TYPE "):
            name = line.split(" ", 3)[2]
            family = families.get(name)
            if family is None:
                family = families[name] = _Family([*head, line], _SHARED.fullmatch(name) is not None)
            head = []
        elif line.startswith("# HELP "):
            head = [line]
        elif line and line[0] != "#" and family is not None:
            series, _, value = line.rpartition(" ")
            family.add(series, float(value))


def _number(value: float) -> str:
    return str(int(value)) if value == value // 1 and abs(value) < 2**63 else repr(value)

"""Why requests failed, were denied or were tried again: the last of them, each under an id.

Kept as the JSON in which they are given out, so that memory is bounded and reading costs nothing: CAPACITY traces of at
most a few KB. Nothing of bodies or header values is in them, and no query.
"""

import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from linkerd_contract.codec import encode
from linkerd_contract.explain import DecisionStep, DecisionTrace, trace_id

CAPACITY = 1000
MAX_TEXT = 256
"""Characters of any one text that a client, an endpoint or a policy chose."""
MAX_STEPS = 24


class Decisions:
    """The last traces of one proxy. Ids begin with `tag` (see explain.pod_tag) and are never used twice."""

    def __init__(self, tag: str = "00000000", clock: Callable[[], float] = time.time, *, before: int = 0) -> None:
        """`clock` gives unix seconds; `before`: the number that the first trace follows."""
        self._tag = tag
        self._clock = clock
        self._kept: deque[bytes] = deque(maxlen=CAPACITY)
        self._count = before

    def record(self, trace: DecisionTrace) -> str:
        """Keep a trace, whose id and time are set here; its id."""
        self._count += 1
        identifier = trace_id(self._tag, self._count)
        now = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept = replace(
            trace,
            id=identifier,
            time=now,
            peer=_cut(trace.peer),
            method=_cut(trace.method),
            authority=_cut(trace.authority),
            path=_cut(trace.path.partition("?")[0]),
            steps=[_step(step) for step in trace.steps[:MAX_STEPS]],
        )
        self._kept.append(encode(kept))
        return identifier

    def get(self, identifier: str) -> bytes | None:
        """One trace as JSON; None where it is not, or no longer, kept."""
        tag, _, number = identifier.partition("-")
        try:
            age = self._count - int(number, 16)
        except ValueError:
            return None
        if tag != self._tag or not 0 <= age < len(self._kept):
            return None
        return self._kept[-1 - age]

    def all(self) -> bytes:
        """A JSON list of all traces, newest first."""
        return b"[" + b",".join(reversed(self._kept)) + b"]"


def _step(step: DecisionStep) -> DecisionStep:
    if len(step.verdict) <= MAX_TEXT and len(step.reason) <= MAX_TEXT:
        return step
    return replace(step, verdict=_cut(step.verdict), reason=_cut(step.reason))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"

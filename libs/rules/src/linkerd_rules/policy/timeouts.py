"""Timeouts of a route, in seconds, and the l5d-* request headers that override them where the route allows it."""

from dataclasses import dataclass, replace

from linkerd_contract.durations import parse_duration_ms
from linkerd_contract.outbound import Timeouts
from linkerd_rules.policy.match import Headers

REQUEST_TIMEOUT_HEADERS = (b"l5d-request-timeout", b"l5d-timeout")
"""The first one wins; l5d-timeout is the older name."""
LONGEST_MS = 365 * 86_400_000
"""Clients may ask for any number: more than floats hold, too."""
RESPONSE_TIMEOUT_HEADER = b"l5d-response-timeout"


@dataclass(frozen=True, slots=True)
class CompiledTimeouts:
    """None is no limit. `none` says that there is nothing to arm."""

    request: float | None = None
    response: float | None = None
    idle: float | None = None
    profile: float | None = None

    @classmethod
    def of(cls, timeouts: Timeouts) -> "CompiledTimeouts":
        """Of a document."""
        return cls(
            seconds(timeouts.request_ms),
            seconds(timeouts.response_ms),
            seconds(timeouts.idle_ms),
            seconds(timeouts.profile_ms),
        )

    @property
    def none(self) -> bool:
        """Whether no limit is set."""
        return self == CompiledTimeouts()

    def overridden(self, headers: Headers) -> "CompiledTimeouts":
        """With what the request asks for. Header names in lower case; a value that is no duration is ignored."""
        values = {name: value for name, value in headers if name.startswith(b"l5d-")}
        request = next((s for name in REQUEST_TIMEOUT_HEADERS if (s := _header(values.get(name))) is not None), None)
        response = _header(values.get(RESPONSE_TIMEOUT_HEADER))
        if request is None and response is None:
            return self
        return replace(
            self,
            request=self.request if request is None else request,
            response=self.response if response is None else response,
        )


def seconds(ms: int | None) -> float | None:
    """0, or less, is no limit; what is longer than LONGEST_MS is that."""
    return None if ms is None or ms <= 0 else min(ms, LONGEST_MS) / 1000


def _header(value: bytes | None) -> float | None:
    try:
        return None if value is None else seconds(parse_duration_ms(value.decode("latin-1")))
    except ValueError:
        return None

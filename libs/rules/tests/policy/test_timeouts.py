"""Timeouts: seconds of a document's milliseconds, and the headers that override them."""

from linkerd_contract.outbound import Timeouts
from linkerd_rules.policy.timeouts import CompiledTimeouts

BASE = CompiledTimeouts.of(Timeouts(request_ms=1000, response_ms=2000, idle_ms=3000, profile_ms=0))


def test_seconds() -> None:
    assert CompiledTimeouts(1.0, 2.0, 3.0, None) == BASE
    assert CompiledTimeouts.of(Timeouts()).none
    assert not BASE.none


def test_headers_override() -> None:
    headers = [(b"l5d-timeout", b"9s"), (b"l5d-request-timeout", b"5s"), (b"l5d-response-timeout", b"250ms")]
    assert BASE.overridden(headers) == CompiledTimeouts(5.0, 0.25, 3.0, None)
    assert BASE.overridden([(b"l5d-timeout", b"9s")]).request == 9.0
    assert BASE.overridden([(b"accept", b"x")]) is BASE
    assert BASE.overridden([(b"l5d-request-timeout", b"soon"), (b"l5d-response-timeout", b"\xff")]) is BASE


def test_an_endless_number_is_a_year() -> None:
    asked = BASE.overridden([(b"l5d-request-timeout", b"9" * 400 + b"s")])
    assert asked.request == 365 * 86_400
    assert CompiledTimeouts.of(Timeouts(request_ms=-1)).request is None

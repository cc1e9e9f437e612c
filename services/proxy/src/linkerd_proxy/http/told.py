"""What is known of a request's way when it fails: for the trace under whose id the client hears of it."""

from linkerd_contract.explain import DecisionStep, DecisionTrace, ProxyErrorLine
from linkerd_proxy.errors import ProxyError
from linkerd_proxy.http.exchange import Exchange, Way
from linkerd_proxy.telemetry.decisions import Decisions

RETRIED = "retried"
"""The code of a request that was answered after more than one attempt."""


def tell(decisions: Decisions, direction: str, x: Exchange, error: ProxyError) -> str:
    """Keep the trace of a failure; the line for l5d-proxy-error."""
    way = x.observer.explain(x)
    reason = error.message
    last = DecisionStep(error.phase, error.label, reason)
    identifier = decisions.record(trace(direction, x, error.label, way._replace(steps=[*way.steps, last])))
    return ProxyErrorLine(reason, error.label, error.phase, way.peer, identifier).text()


def trace(direction: str, x: Exchange, code: str, way: Way) -> DecisionTrace:
    """The trace of a request, without id and time."""
    head = x.head
    return DecisionTrace(
        id="",
        time="",
        direction=direction,
        code=code,
        peer=way.peer,
        method=head.method.decode("latin-1"),
        authority=head.authority.decode("latin-1"),
        path=head.path.decode("latin-1"),
        attempts=way.attempts,
        steps=list(way.steps),
    )

"""An endpoint's state over a request's life."""

from linkerd_contract.outbound import Endpoint, FailureAccrual
from linkerd_proxy.balance import Breaker, EndpointState, Gate, PeakEwma


def state(breaker: Breaker | None = None) -> EndpointState[str]:
    return EndpointState(Endpoint("10.0.0.1:80"), PeakEwma(30, 10_000, now=0), breaker, "pool")


def test_a_request_counts_until_its_response_begins() -> None:
    endpoint = state()
    endpoint.begin()
    endpoint.begin()
    assert endpoint.load.load(0) == 90
    endpoint.observe(40, 0)
    assert (endpoint.load.pending, endpoint.load.load(0)) == (1, 80)
    endpoint.classify(False, 0)
    endpoint.abandon()
    assert endpoint.load.pending == 0
    assert endpoint.data == "pool"


def test_the_breaker_hears_of_it() -> None:
    endpoint = state(Breaker(FailureAccrual(max_failures=1), lambda: 0.0))
    assert endpoint.breaker is not None
    endpoint.begin()
    endpoint.observe(1, 0)
    endpoint.classify(False, 0)
    assert endpoint.breaker.gate is Gate.shut
    assert endpoint.breaker.admits(1)
    endpoint.begin()
    endpoint.observe(1, 1)
    endpoint.abandon(observed=True)
    assert endpoint.load.pending == 0
    assert endpoint.breaker.admits(1)

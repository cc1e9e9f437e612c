"""Whether there is another attempt: each thing that can forbid it. Through real sidecars: test_managed.py."""

import asyncio
from typing import cast

import pytest
from services.proxy.tests.http.recording import exchange
from services.proxy.tests.loop import on_uvloop

from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Backoff, OutboundDocument, Retry, RetryBudget, Route
from linkerd_proxy.errors import ConnectFailed, FailFastError, LoadShed, ProxyError, StreamReset
from linkerd_proxy.http.exchange import REQUEST_ENDED, Exchange
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.outbound.concrete import Concrete
from linkerd_proxy.outbound.features import RouteFeatures
from linkerd_proxy.outbound.retrying import Retrying
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_rules.policy import CompiledRoute
from linkerd_rules.policy.budget import Budget

ON_5XX = Retry(statuses=[StatusRange(500, 599)], limit=1)


class Backend:
    def __init__(self, available: bool) -> None:
        self._available = available

    def available(self) -> bool:
        return self._available


class Case:
    """A request whose end has come, and one attempt at it."""

    def __init__(
        self, retry: Retry | None, *, backend: bool | None = True, profile: str | None = None, ended: bool = True
    ) -> None:
        self.metrics = Metrics()
        runtime = Runtime(asyncio.get_running_loop(), self.metrics)
        runtime.rng = lambda: 0.0
        route = CompiledRoute(Route(retry=retry))
        budget = None if retry is None or retry.budget is None else Budget(retry.budget, 0.0)
        choice = None if backend is None else ("all", cast("Concrete", Backend(backend)))
        features = RouteFeatures(runtime, OutboundDocument("a:80", profile=profile), route, lambda: choice, budget)
        x = exchange()
        x.flags |= REQUEST_ENDED if ended else 0
        self.retrying = Retrying(features, x, route.retry)
        self.retrying.tries = 1

    def answered(self, status: bytes) -> bool:
        return self.retrying.called_for_by(attempt(status))

    def counted(self, name: str, *labels: str) -> float:
        lines = self.metrics.registry.render().decode().splitlines()
        found = [line for line in lines if line.partition("{")[0].partition(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in found if all(label in line for label in labels))


def attempt(status: bytes) -> Exchange:
    x = exchange()
    x.status = status
    return x


@on_uvloop
async def test_the_policy_calls_for_it() -> None:
    assert Case(ON_5XX).answered(b"503")
    assert not Case(ON_5XX).answered(b"200")
    assert not Case(None).answered(b"503")


@on_uvloop
async def test_the_limit() -> None:
    case = Case(ON_5XX)
    case.retrying.tries = 2
    assert not case.answered(b"503")
    assert case.counted("outbound_http_route_retry_limit_exceeded_total") == 1


@pytest.mark.parametrize("backend", [None, False])
@on_uvloop
async def test_no_backend_is_ready(backend: bool | None) -> None:
    case = Case(ON_5XX, backend=backend, profile="p")
    assert not case.answered(b"503")
    assert case.counted("outbound_http_route_retry_overflow_total") == 1
    assert case.counted("route_retryable_total", 'skipped="overflow"') == 1


@on_uvloop
async def test_the_budget() -> None:
    case = Case(Retry(on_failure=True, budget=RetryBudget(ratio=0.0, min_per_second=0)), profile="p")
    assert not case.answered(b"500")
    assert case.counted("route_retryable_total", 'skipped="no_budget"') == 1


@on_uvloop
async def test_a_body_that_is_not_whole_or_too_large() -> None:
    assert not Case(ON_5XX, ended=False).answered(b"503")
    case = Case(ON_5XX)
    case.retrying.replay.keep(bytes(65_536))
    assert case.answered(b"503")
    case.retrying.replay.keep(b"x")
    assert not case.answered(b"503")
    assert not case.retrying.can_repeat


@pytest.mark.parametrize(
    ("error", "policy", "profile"),
    [
        (FailFastError(), True, False),
        (StreamReset(7), True, False),
        (StreamReset(8), False, False),
        (LoadShed(), False, False),
        (ConnectFailed(), False, False),
    ],
)
@on_uvloop
async def test_errors(error: ProxyError, policy: bool, profile: bool) -> None:
    assert Case(ON_5XX).retrying.called_for_after(error) is policy
    assert Case(Retry(on_failure=True)).retrying.called_for_after(error) is profile
    assert not Case(None).retrying.called_for_after(error)


@on_uvloop
async def test_what_follows_is_counted_and_waits() -> None:
    retry = Retry(statuses=[StatusRange(500, 599)], limit=3, per_try_timeout_ms=200, backoff=Backoff(40, 100, 1.0))
    case = Case(retry)
    assert case.retrying.timeout() == 0.2
    waits = []
    for tries in (1, 2, 3):
        case.retrying.tries = tries
        waits.append(case.retrying.followed(attempt(b"503"), ""))
    assert waits == [0.04, 0.08, 0.1]
    assert [step.verdict for step in case.retrying.trail] == ["503"] * 3
    assert case.counted("outbound_http_route_retry_requests_total") == 3
    # The last one has all the time that there is (Linkerd).
    case.retrying.tries = 4
    assert case.retrying.timeout() is None
    assert Case(None).retrying.timeout() is None

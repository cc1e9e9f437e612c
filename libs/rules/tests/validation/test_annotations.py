"""Annotations: what they ask for, and that a bad value disables its group alone."""

import pytest

from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Backoff, FailureAccrual, Retry, Timeouts
from linkerd_rules.validation.annotations import TrafficAnnotations, read_traffic_annotations

R, T, B, A = "retry.linkerd.io/", "timeout.linkerd.io/", "balancer.linkerd.io/", "balancer.alpha.linkerd.io/"


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, TrafficAnnotations()),
        ({"config.linkerd.io/opaque-ports": "1"}, TrafficAnnotations()),
        (
            {R + "http": "5xx, 404", R + "limit": "3", R + "timeout": "250ms"},
            TrafficAnnotations(
                retry=Retry(
                    statuses=[StatusRange(500, 599), StatusRange(404, 404)],
                    limit=3,
                    per_try_timeout_ms=250,
                    backoff=Backoff(),
                )
            ),
        ),
        (
            {R + "grpc": "unavailable,internal"},
            TrafficAnnotations(retry=Retry(grpc_codes=[14, 13], limit=1, backoff=Backoff())),
        ),
        ({R + "limit": "3"}, TrafficAnnotations()),
        (
            {T + "request": "1s", T + "response": "2m", T + "idle": "0"},
            TrafficAnnotations(timeouts=Timeouts(request_ms=1000, response_ms=120_000)),
        ),
        ({B + "failure-accrual": "consecutive"}, TrafficAnnotations(failure_accrual=FailureAccrual())),
        (
            {
                B + "failure-accrual": "consecutive",
                B + "failure-accrual-consecutive-max-failures": "3",
                B + "failure-accrual-consecutive-min-penalty": "2s",
                B + "failure-accrual-consecutive-max-penalty": "1m",
                B + "failure-accrual-consecutive-jitter-ratio": "0",
            },
            TrafficAnnotations(failure_accrual=FailureAccrual(3, 2000, 60_000, 0.0)),
        ),
        (
            {B + "failure-accrual": "unified", A + "success-rate-window": "20s", A + "penalize-failures": "true"},
            TrafficAnnotations(
                failure_accrual=FailureAccrual(success_rate_threshold=0.8, success_rate_window_ms=20_000),
                penalize_failures=True,
            ),
        ),
    ],
)
def test_what_is_asked_for(annotations: dict[str, str], expected: TrafficAnnotations) -> None:
    assert read_traffic_annotations(annotations) == (expected, [])


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ({R + "http": "6xx"}, "metadata.annotations[retry.linkerd.io/http]: '6xx' is not 5xx"),
        ({R + "http": "5xx", R + "limit": "-1"}, "'-1' is not a whole number"),
        ({R + "grpc": "unknown"}, "not one of cancelled"),
        ({T + "request": "10"}, "is not a duration"),
        ({B + "failure-accrual": "always"}, "'always' is not consecutive or unified"),
        (
            {
                B + "failure-accrual": "consecutive",
                B + "failure-accrual-consecutive-min-penalty": "2m",
            },
            "longer than the longest penalty",
        ),
        ({B + "failure-accrual": "consecutive", B + "failure-accrual-consecutive-jitter-ratio": "-1"}, "from 0 to 100"),
        ({A + "penalize-failures": "yes"}, "true or false"),
    ],
)
def test_a_bad_value_disables_its_group(annotations: dict[str, str], message: str) -> None:
    asked, [problem] = read_traffic_annotations(annotations)
    assert asked == TrafficAnnotations()
    assert message in str(problem)


def test_other_groups_go_on() -> None:
    asked, [problem] = read_traffic_annotations({R + "http": "bad", T + "request": "1s"})
    assert asked.timeouts.request_ms == 1000
    assert asked.retry is None
    assert not problem.ignorable


def test_unknown_names_are_reported() -> None:
    asked, [problem] = read_traffic_annotations({T + "reponse": "1s"})
    assert asked == TrafficAnnotations()
    assert problem.ignorable

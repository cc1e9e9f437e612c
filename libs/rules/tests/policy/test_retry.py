"""Retries: what is retried, how often, after what wait."""

import pytest

from linkerd_contract.matching import StatusRange
from linkerd_contract.outbound import Backoff, Retry
from linkerd_rules.policy.retry import CompiledRetry, from_headers, parse_grpc_codes, parse_http_statuses


def test_what_is_retried() -> None:
    by_status = CompiledRetry(Retry(statuses=[StatusRange(502, 504)], grpc_codes=[14]))
    assert by_status.retryable(503, None, False)
    assert not by_status.retryable(500, None, False)
    assert by_status.retryable(200, 14, False)
    assert not by_status.retryable(200, 2, False)
    by_class = CompiledRetry(Retry(on_failure=True))
    assert by_class.retryable(404, None, False)
    assert not by_class.retryable(500, None, True)


def test_limits() -> None:
    retry = CompiledRetry(Retry(limit=2, per_try_timeout_ms=100, max_body_bytes=10))
    assert [retry.may_try(tries, 0) for tries in (1, 2, 3)] == [True, True, False]
    assert not retry.may_try(1, 11)
    # The last try has no timeout of its own.
    assert [retry.try_timeout(tries) for tries in (0, 1, 2)] == [0.1, 0.1, None]
    assert CompiledRetry(Retry()).may_try(1000, 65536)


def test_backoff() -> None:
    retry = CompiledRetry(Retry(backoff=Backoff(25, 250, 1.0)))
    assert [retry.wait(tries, 0.0) for tries in (1, 2, 3, 4, 5, 100)] == [0.025, 0.05, 0.1, 0.2, 0.25, 0.25]
    assert retry.wait(1, 0.5) == pytest.approx(0.0375)
    assert CompiledRetry(Retry()).wait(5, 0.9) == 0.0


def test_parsing() -> None:
    assert parse_http_statuses("5xx, gateway-error,418,500-502") == [
        StatusRange(500, 599),
        StatusRange(502, 504),
        StatusRange(418, 418),
        StatusRange(500, 502),
    ]
    assert parse_grpc_codes("unavailable,cancelled, internal") == [14, 1, 13]
    for bad in ("6xx", "99", "504-500", "", "5xx,"):
        with pytest.raises(ValueError, match=r"."):
            parse_http_statuses(bad)
    with pytest.raises(ValueError, match="broken"):
        parse_grpc_codes("broken")


def test_headers() -> None:
    default = Retry(statuses=[StatusRange(500, 599)], limit=1)
    assert from_headers([(b"accept", b"x")], default) is default
    assert from_headers([], None) is None
    asked = from_headers(
        [
            (b"l5d-retry-http", b"503"),
            (b"l5d-retry-grpc", b"unavailable"),
            (b"l5d-retry-limit", b"3"),
            (b"l5d-retry-timeout", b"1s"),
        ],
        default,
    )
    assert asked == Retry(statuses=[StatusRange(503, 503)], grpc_codes=[14], limit=3, per_try_timeout_ms=1000)
    assert from_headers([(b"l5d-retry-http", b"bad")], default) is default
    only_timeout = from_headers([(b"l5d-retry-timeout", b"bad")], default)
    assert only_timeout == default


def test_headers_alone_are_5xx_once() -> None:
    assert from_headers([(b"l5d-retry-timeout", b"1s")], None) == Retry(
        statuses=[StatusRange(500, 599)], limit=1, per_try_timeout_ms=1000
    )
    asked = from_headers([(b"l5d-retry-limit", b"2"), (b"l5d-retry-http", b"404")], None)
    assert asked == Retry(statuses=[StatusRange(404, 404)], limit=2)

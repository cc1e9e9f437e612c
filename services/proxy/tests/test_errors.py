"""Linkerd's table of errors, held row by row."""

import pytest

from linkerd_proxy import errors

TABLE: list[tuple[type[errors.ProxyError], int, int, bool]] = [
    (errors.ConnectFailed, 502, 14, True),
    (errors.DowngradedReset, 502, 14, True),
    (errors.ConnectTimeout, 504, 4, True),
    (errors.FailFastError, 504, 4, True),
    (errors.LoadShed, 503, 14, True),
    (errors.ResponseTimeout, 504, 4, False),
    (errors.IdentityRequired, 502, 14, True),
    (errors.RouteNotFound, 404, 5, False),
    (errors.Unauthorized, 403, 7, False),
    (errors.RateLimited, 429, 8, False),
    (errors.BackendMissing, 500, 13, True),
    (errors.ProxyError, 500, 13, True),
]


@pytest.mark.parametrize(("cause", "status", "grpc_status", "close"), TABLE)
def test_what_the_client_is_told(cause: type[errors.ProxyError], status: int, grpc_status: int, close: bool) -> None:
    assert (cause.status, cause.grpc_status, cause.close) == (status, grpc_status, close)


def test_every_error_has_a_message_and_a_fault() -> None:
    for cause, *_ in TABLE:
        assert cause().message
        assert isinstance(cause.fault, errors.Fault)
        assert cause.phase
    reset = errors.StreamReset(8)
    assert (reset.code, reset.label, reset.cause) == (8, "h2(CANCEL)", "CANCEL")
    assert errors.StreamReset(11).cause == "ENHANCE_YOUR_CALM"
    assert (errors.StreamReset(999).label, errors.StreamReset(999).cause) == ("h2(UNKNOWN)", "RESET")

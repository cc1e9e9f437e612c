"""Which exception an answer becomes."""

import pytest

from linkerd_kube import AlreadyExists, ApiError, Conflict, Forbidden, Gone, Invalid, NotFound, Unauthorized
from linkerd_kube.errors import from_body, make_error


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Gone),
        (422, "Invalid", Invalid),
        (500, "InternalError", ApiError),
    ],
)
def test_kind(status: int, reason: str, kind: type[ApiError]) -> None:
    error = make_error(status, reason, "why")
    assert type(error) is kind
    assert (error.status, error.reason, str(error)) == (status, reason, "why")


def test_status_of_the_server() -> None:
    body = b'{"kind":"Status","code":429,"reason":"TooManyRequests","message":"slow","details":{"retryAfterSeconds":3}}'
    error = from_body(429, body)
    assert (error.message, error.retry_after_seconds) == ("slow", 3.0)
    assert from_body(0, body).status == 429


@pytest.mark.parametrize("body", [b"<html>bad gateway</html>", b"[]", b"", b"\xff"])
def test_an_answer_that_is_no_status(body: bytes) -> None:
    error = from_body(502, body)
    assert error.status == 502
    assert str(error)
    assert error.retry_after_seconds is None

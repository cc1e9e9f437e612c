import logging

import pytest
from aiohttp import http_exceptions

from linkerd_runtime.bad_requests import BadRequests


@pytest.fixture(name="log")
def fixture_log() -> logging.Logger:
    log = logging.getLogger("linkerd_runtime.tests.bad_requests")
    log.filters = [BadRequests()]
    return log


def fail(log: logging.Logger, error: Exception) -> None:
    try:
        raise error
    except Exception:
        log.exception("Error handling request from %s", "10.0.0.1")


def test_clients_faults_are_one_line_where_info_is_wanted(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    for level, lines in ((logging.INFO, 2), (logging.WARNING, 0)):
        caplog.clear()
        caplog.set_level(level, log.name)
        fail(log, http_exceptions.BadHttpMessage("Pause on PRI:\n\n  b'PRI'"))
        fail(log, ConnectionResetError())
        assert len(caplog.text.splitlines()) == lines
    caplog.set_level(logging.INFO, log.name)
    fail(log, ConnectionResetError())
    assert caplog.messages == ["Error handling request from 10.0.0.1: ConnectionResetError"]
    assert caplog.records[0].levelname == "INFO"


def test_our_own_faults_keep_their_stack(log: logging.Logger, caplog: pytest.LogCaptureFixture) -> None:
    fail(log, KeyError("ours"))
    log.error("no exception at all")
    assert "Traceback" in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]

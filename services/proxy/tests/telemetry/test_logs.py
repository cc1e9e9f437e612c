"""Log records as JSON: one line each, whatever is logged."""

import json
import logging
import sys

import pytest

from linkerd_proxy.telemetry.logs import MAX_MESSAGE, JsonFormatter


def record(message: str, *arguments: object, level: int = logging.INFO, stack: bool = False) -> logging.LogRecord:
    info = None
    if stack:
        try:
            raise ValueError("the reason")
        except ValueError:
            info = sys.exc_info()
    made = logging.LogRecord("linkerd_proxy.app", level, "app.py", 1, message, arguments, info)
    made.created = 1_700_000_000.25
    return made


@pytest.mark.parametrize(
    ("level", "name"),
    [(logging.DEBUG, "DEBUG"), (logging.INFO, "INFO"), (logging.WARNING, "WARN"), (logging.ERROR, "ERROR")],
)
def test_shape(level: int, name: str) -> None:
    text = JsonFormatter().format(record("draining: %d connections", 3, level=level))
    assert json.loads(text) == {
        "timestamp": "2023-11-14T22:13:20.250000Z",
        "level": name,
        "fields": {"message": "draining: 3 connections"},
        "target": "linkerd_proxy.app",
    }


@pytest.mark.parametrize("message", ['it\'s "quoted"', "two\nlines", "\\ \x00 ü", "x" * 100_000])
def test_whatever_is_logged_is_one_line_of_json(message: str) -> None:
    text = JsonFormatter().format(record("%s", message))
    assert "\n" not in text
    assert json.loads(text)["fields"]["message"] == message[:MAX_MESSAGE]


def test_stacks() -> None:
    read = json.loads(JsonFormatter().format(record("it failed", stack=True)))
    assert read["fields"]["message"] == "it failed"
    assert read["fields"]["exception"].endswith("ValueError: the reason")

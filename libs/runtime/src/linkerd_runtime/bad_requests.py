"""What clients of our HTTP servers do wrong: an answer each, and in the log one line instead of a stack trace.

aiohttp logs every request that it cannot read, and every client that leaves early, as an error of ours with its stack:
a log that anybody who reaches the port can fill. And its parser (3.14) lets a CONNECT without a target through, on
which the making of the request then fails, outside of all handling of errors: a stack trace, and a connection that
nobody closes.
"""

import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, cast

from aiohttp import http_exceptions, web
from aiohttp.http_parser import RawRequestMessage
from yarl import URL

P = ParamSpec("P")

CLIENTS_FAULT = (http_exceptions.HttpProcessingError, web.RequestPayloadError, ConnectionError, UnicodeError)
"""UnicodeError: bytes of a header that aiohttp repeats in its answer."""


class BadRequests(logging.Filter):
    """Of the logger aiohttp.server. What is our own fault keeps its stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, CLIENTS_FAULT):
            return True
        record.levelno, record.levelname = logging.INFO, "INFO"
        text = (str(error).split("\n", maxsplit=1)[0] or type(error).__name__).rstrip(": ")
        record.msg, record.args = f"{record.getMessage()}: {text}", ()
        record.exc_info = record.exc_text = None
        return logging.getLogger(record.name).isEnabledFor(logging.INFO)


_FILTER = BadRequests()


def guard(server: web.Server | None) -> None:
    """To be called on a runner's `server` once it is set up, before it listens."""
    if server is None:
        raise RuntimeError("the runner is not set up")
    logging.getLogger("aiohttp.server").addFilter(_FILTER)
    server.request_factory = _with_target(server.request_factory)


def _with_target(
    make: Callable[Concatenate[RawRequestMessage, P], web.BaseRequest],
) -> Callable[Concatenate[RawRequestMessage, P], web.BaseRequest]:
    """With an empty target, it is a path that no application has."""

    def request(message: RawRequestMessage, /, *args: P.args, **kwargs: P.kwargs) -> web.BaseRequest:
        if cast("URL | None", message.url) is None:
            message = message._replace(path="", url=URL())
        return make(message, *args, **kwargs)

    return request

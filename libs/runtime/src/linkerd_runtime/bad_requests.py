"""What clients of the admin and tap servers do wrong, in one line each instead of a stack trace.

aiohttp logs every request that it cannot read, and every client that leaves early, as an error of ours with its stack:
a log that anybody who reaches the port can fill.
"""

import logging

from aiohttp import http_exceptions, web

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

"""Log records as JSON, a line each, in the shape of linkerd2-proxy's LOG_FORMAT=json and /logs.json."""

import logging
from datetime import UTC, datetime

from linkerd_contract.codec import encode

MAX_MESSAGE = 8192
"""Characters of a message, or of an exception's stack (its end)."""
_LEVELS = {"WARNING": "WARN", "CRITICAL": "ERROR"}


def json_line(record: logging.LogRecord) -> bytes:
    """One object, without the end of the line."""
    fields = {"message": record.getMessage()[:MAX_MESSAGE]}
    if record.exc_info and record.exc_info[0] is not None:
        fields["exception"] = logging.Formatter().formatException(record.exc_info)[-MAX_MESSAGE:]
    return line(record.levelname, record.name, fields, record.created)


def line(level: str, target: str, fields: dict[str, str], when: float) -> bytes:
    """One object; `when` in unix seconds."""
    timestamp = datetime.fromtimestamp(when, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    level = _LEVELS.get(level, level)
    return encode({"timestamp": timestamp, "level": level, "fields": fields, "target": target})


class JsonFormatter(logging.Formatter):
    """For handlers of standard error."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        return json_line(record).decode()

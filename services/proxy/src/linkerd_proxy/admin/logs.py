"""/logs.json: what the proxy logs, as it happens, by a filter of the client's own, whatever the log level is.

Bounded: so many streams, each with so many lines that its client has not read yet; what does not fit is dropped, and
said to be.
"""

import asyncio
import logging
import time
from collections import deque

from linkerd_proxy.admin.loglevel import Levels, LogLevel
from linkerd_proxy.telemetry.logs import json_line, line

MAX_STREAMS = 4
MAX_LINES = 1000


class TooManyStreams(Exception):
    """There are MAX_STREAMS already."""


class LogStream(logging.Handler):
    """One client's lines."""

    def __init__(self, levels: Levels) -> None:
        super().__init__()
        self.levels = levels
        self.addFilter(levels)
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._lines: deque[bytes] = deque()
        self._dropped = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; from any thread."""
        if len(self._lines) >= MAX_LINES:
            self._dropped += 1
            return
        try:
            self._lines.append(json_line(record))
        except (TypeError, ValueError):  # a message that does not fit its arguments
            self.handleError(record)
            return
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake.set)

    async def read(self, seconds: float) -> bytes:
        """The lines that there are; empty where none comes within so many seconds."""
        if not self._lines:
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                return b""
        self._wake.clear()
        lines, dropped = list(self._lines), self._dropped
        self._lines.clear()
        self._dropped = 0
        if dropped:
            fields = {"message": f"{dropped} events were dropped: they came faster than they were read"}
            lines.append(line("WARN", __name__, fields, time.time()))
        return b"".join([one + b"\n" for one in lines])


class LogStreams:
    """All that are open."""

    def __init__(self, log_level: LogLevel) -> None:
        self._log_level = log_level
        self._open: set[LogStream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, filter_text: str) -> LogStream:
        """Begin one. Raises ValueError for a bad filter, TooManyStreams."""
        levels = Levels(filter_text)
        if len(self._open) >= MAX_STREAMS:
            raise TooManyStreams
        stream = LogStream(levels)
        self._log_level.follow(levels)
        logging.getLogger().addHandler(stream)
        self._open.add(stream)
        return stream

    def close(self, stream: LogStream) -> None:
        """End it."""
        self._open.discard(stream)
        logging.getLogger().removeHandler(stream)
        self._log_level.unfollow(stream.levels)

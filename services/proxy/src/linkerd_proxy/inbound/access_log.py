"""One line for each inbound request, on standard error: LINKERD2_PROXY_ACCESS_LOG=apache or json (Linkerd's fields).

The data path only puts lines in a queue; a thread writes them, so that a log reader that stalls does not stall traffic.
What does not fit is dropped, and counted. Sizes are of bodies, as they went by; `processing_ns` is the time until the
response's head, `total_ns` until its end. What a client wrote into its request cannot begin a line of its own.
"""

import queue
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from linkerd_contract.codec import encode
from linkerd_proxy.codec.headers import Headers, find
from linkerd_proxy.http.exchange import HTTP_2, HTTP_10, Exchange
from linkerd_proxy.http.watch import Facts, Watch
from linkerd_proxy.settings import AccessLog
from linkerd_proxy.telemetry.registry import Counter
from linkerd_proxy.transport.turn import Turn

MAX_LINES = 10_000
"""Waiting to be written: some 2 MB."""
_BATCH = 500
_VERSIONS = {HTTP_10: "HTTP/1.0", HTTP_2: "HTTP/2.0"}
_TRACE_IDS = (b"x-b3-traceid", b"x-request-id", b"x-amzn-trace-id")


class LineWriter:
    """Writes lines from a thread of its own."""

    def __init__(self, out: TextIO, dropped: Counter) -> None:
        self._out = out
        self._dropped = dropped
        self._lines: queue.Queue[str | None] = queue.Queue(MAX_LINES)
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """One line, without its end. Never waits."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped.value += 1

    def close(self, seconds: float = 1.0) -> None:
        """Write what waits, for so long at most."""
        try:
            self._lines.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            batch = [line]
            while len(batch) < _BATCH and not self._lines.empty():
                more = self._lines.get()
                if more is None:
                    self._write(batch)
                    return
                batch.append(more)
            self._write(batch)

    def _write(self, batch: list[str]) -> None:
        try:
            self._out.write("\n".join(batch) + "\n")
            self._out.flush()
        except (OSError, ValueError):  # nobody reads standard error any more
            self._dropped.value += len(batch)


class AccessLogger:
    """`hook` is for the inbound Hooks."""

    def __init__(
        self, kind: AccessLog, turn: Turn, write: Callable[[str], None], clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives unix seconds."""
        self._format = as_json if kind is AccessLog.json else as_apache
        self._turn = turn
        self._write = write
        self._clock = clock

    def hook(self, x: Exchange, facts: Facts) -> None:
        """A request: log it when it has ended."""
        AccessWatch(x, facts, self)

    def log(self, watch: "AccessWatch", x: Exchange) -> None:
        """It has ended."""
        now = self._turn.now
        self._write(self._format(fields(watch, x, self._clock() - (now - x.started), now)))

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._turn.now


class AccessWatch(Watch):
    """One request on its way to its line."""

    __slots__ = ("_log", "facts", "head_at", "status")

    def __init__(self, x: Exchange, facts: Facts, log: AccessLogger) -> None:
        super().__init__(x)
        self._log = log
        self.facts = facts
        self.head_at = 0.0
        self.status = ""

    def started(self, x: Exchange, head: Headers) -> None:
        self.head_at = self._log.now
        self.status = head[0][1].decode("latin-1")

    def ended(self, x: Exchange, trailers: Headers) -> None:
        self._log.log(self, x)


def fields(watch: AccessWatch, x: Exchange, began: float, now: float) -> dict[str, str]:
    """Linkerd's fields, all as text. `began`: unix seconds; `now`: monotonic."""
    head = x.head
    scheme = find(head.fields, b":scheme") or b"http"
    uri = scheme + b"://" + head.authority + head.path if head.authority else head.path
    client = watch.facts.client(x)
    trace = next((value for name in _TRACE_IDS if (value := find(head.fields, name)) is not None), b"")
    head_at = watch.head_at or now
    return {
        "client.addr": "" if client is None else str(client),
        "client.id": watch.facts.source_labels.get("client_id", "-"),
        "timestamp": datetime.fromtimestamp(began, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "method": _text(head.method),
        "uri": _text(uri),
        "version": _VERSIONS.get(head.version, "HTTP/1.1"),
        "trace_id": _text(trace),
        "request_bytes": str(watch.request_bytes),
        "status": watch.status,
        "response_bytes": str(watch.response_bytes),
        "total_ns": str(_nanos(now - x.started)),
        "processing_ns": str(_nanos(head_at - x.started)),
        "user_agent": _text(find(head.fields, b"user-agent") or b""),
        "host": _text(head.authority),
    }


def as_json(found: dict[str, str]) -> str:
    """A JSON object."""
    return encode(found).decode()


def as_apache(found: dict[str, str]) -> str:
    """`ADDR ID - [TIMESTAMP] "METHOD URI VERSION" STATUS`; a status that never came is a dash."""
    request = f"{found['method']} {found['uri']} {found['version']}"
    status = found["status"] or "-"
    return f'{found["client.addr"]} {found["client.id"]} - [{found["timestamp"]}] "{request}" {status}'


def _text(value: bytes) -> str:
    r"""Bytes that a client chose, with quotes, backslashes and what is not printable ASCII as \xNN."""
    return "".join([chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in value])


def _nanos(seconds: float) -> int:
    return max(0, round(seconds * 1e9))

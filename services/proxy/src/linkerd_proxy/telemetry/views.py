"""Families made of the sums of the book's cells: Linkerd's older ones, and the newer ones for HTTP and gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass

from linkerd_proxy.telemetry.book import BOUNDS_MS, FRAME_BYTES, LATENCY_MS, Cell, Ending, Responses
from linkerd_proxy.telemetry.labels import join, render
from linkerd_proxy.telemetry.registry import Histogram, number, upper_bounds, write_histogram

SHORT_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 10)
COARSE_SECONDS = (0.05, 0.5, 1, 10)

Sums = Mapping[tuple[str, bool], Cell]

GRPC_CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""By number (gRPC's statuscodes.md), as the newer families name them."""


class Bounds:
    """The buckets of one family: upper bounds, each one of the book's too."""

    def __init__(self, bounds: tuple[float, ...], unit_ms: float) -> None:
        """`unit_ms`: milliseconds in one unit of the bounds."""
        self._unit = unit_ms
        self._steps = [(f'le="{number(bound)}"', BOUNDS_MS.index(round(bound * unit_ms)) + 1) for bound in bounds]

    def write(self, out: list[str], name: str, labels: str, counts: list[int], sum_ms: float) -> None:
        """Append one histogram."""
        stem = f"{name}_bucket{{{labels}{',' if labels else ''}"
        out.extend([f"{stem}{le}}} {sum(counts[:end])}\n" for le, end in self._steps])
        total = sum(counts)
        out.append(f'{stem}le="+Inf"}} {total}\n')
        out.append(f"{sample(f'{name}_count', labels, total)}{sample(f'{name}_sum', labels, sum_ms / self._unit)}")


def sample(name: str, labels: str, value: float) -> str:
    """One line."""
    return f"{name}{{{labels}}} {number(value)}\n" if labels else f"{name} {number(value)}\n"


def header(name: str, kind: str, help: str) -> str:
    """A family's first lines."""
    return f"# HELP {name} {help}\n# TYPE {name} {kind}\n"


class LegacyView:
    """request_total, response_total, response_latency_ms."""

    _bounds = Bounds(LATENCY_MS, 1)

    def write(self, out: list[str], sums: Sums) -> None:
        """Append their text; nothing where nothing was counted."""
        merged: dict[str, Cell] = {}
        for (labels, _), cell in sums.items():
            merged.setdefault(labels, Cell()).add(cell)
        if not merged:
            return
        out.append(header("request_total", "counter", "Total count of HTTP requests."))
        out.extend([sample("request_total", labels, cell.requests) for labels, cell in merged.items()])
        out.append(header("response_total", "counter", "Total count of HTTP responses."))
        latencies: dict[tuple[str, str], Responses] = {}
        for labels, cell in merged.items():
            for ending, responses in cell.endings():
                code = _status(ending.status)
                pairs = [
                    ("status_code", code),
                    ("classification", "success" if ending.success else "failure"),
                    ("grpc_status", "" if ending.grpc_status is None else _number(ending.grpc_status)),
                    ("error", ending.error),
                ]
                out.append(sample("response_total", join(labels, render(pairs)), sum(responses.counts)))
                latencies.setdefault((labels, code), Responses()).add(responses)
        name = "response_latency_ms"
        text = "Elapsed times between a request's headers being received and its response stream completing"
        out.append(header(name, "histogram", text))
        for (labels, code), responses in latencies.items():
            whole = join(labels, render([("status_code", code)]))
            self._bounds.write(out, name, whole, responses.counts, responses.sum)


@dataclass(frozen=True, slots=True)
class RequestsView:
    """One counter of requests."""

    name: str
    help: str

    def write(self, out: list[str], sums: Sums) -> None:
        """Append its text; nothing where nothing was counted."""
        merged: dict[str, int] = {}
        for (labels, _), cell in sums.items():
            merged[labels] = merged.get(labels, 0) + cell.requests
        if merged:
            out.append(header(self.name, "counter", self.help))
            out.extend([sample(self.name, labels, count) for labels, count in merged.items()])


class ProtocolView:
    """`STEM_{http,grpc}_…`: requests, durations, statuses, frames. Empty names are families that there are not."""

    _frame_bounds = upper_bounds(FRAME_BYTES)

    def __init__(
        self,
        direction: str,
        *,
        requests: str = "",
        request_duration: tuple[str, tuple[float, ...]] | None = None,
        response_duration: tuple[str, tuple[float, ...]] | None = None,
        statuses: str,
        request_frames: str = "",
        response_frames: str = "",
    ) -> None:
        """Names are what follows `DIRECTION_http_`."""
        self._direction = direction
        self._requests = requests
        self._durations = [
            (found[0], Bounds(found[1], 1000), from_end)
            for found, from_end in ((request_duration, False), (response_duration, True))
            if found is not None
        ]
        self._statuses = statuses
        self._request_frames = request_frames
        self._response_frames = response_frames

    def write(self, out: list[str], sums: Sums) -> None:
        """Append their text; nothing where nothing was counted."""
        for grpc in (False, True):
            cells = {labels: cell for (labels, of_grpc), cell in sums.items() if of_grpc is grpc}
            if cells:
                self._write(out, f"{self._direction}_{'grpc' if grpc else 'http'}_", cells, grpc=grpc)

    def _write(self, out: list[str], stem: str, cells: Mapping[str, Cell], *, grpc: bool) -> None:
        if self._requests:
            name = stem + self._requests
            out.append(header(name, "counter", "The number of requests."))
            out.extend([sample(name, labels, cell.requests) for labels, cell in cells.items()])
        for name, bounds, from_end in self._durations:
            since = "the end of the request" if from_end else "the head of the request"
            out.append(header(stem + name, "histogram", f"The time from {since} to the end of the response."))
            for labels, cell in cells.items():
                whole = Responses()
                for _, responses in cell.endings():
                    whole.add(responses)
                counts, total = whole.since_request_end() if from_end else (whole.counts, whole.sum)
                bounds.write(out, stem + name, labels, counts, total)
        name = stem + self._statuses
        out.append(header(name, "counter", "Completed requests by status and error."))
        for labels, cell in cells.items():
            for text, count in _by_status(cell, grpc=grpc).items():
                out.append(sample(name, join(labels, text), count))
        if self._request_frames:
            frames = {labels: cell.request_frames for labels, cell in cells.items()}
            self._write_frames(out, stem + self._request_frames, "request", frames)
        if self._response_frames:
            frames = {labels: cell.response_frames for labels, cell in cells.items()}
            self._write_frames(out, stem + self._response_frames, "response", frames)

    def _write_frames(self, out: list[str], name: str, of: str, frames: Mapping[str, Histogram]) -> None:
        out.append(header(name, "histogram", f"The sizes of the pieces in which {of} bodies passed."))
        for labels, histogram in frames.items():
            write_histogram(out, name, labels, self._frame_bounds, histogram)


def _by_status(cell: Cell, *, grpc: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    for ending, responses in cell.endings():
        text = render(_status_labels(ending, grpc=grpc))
        found[text] = found.get(text, 0) + sum(responses.counts)
    return found


def _status_labels(ending: Ending, *, grpc: bool) -> list[tuple[str, str]]:
    # Linkerd: an error stands in the status's place. What the client was told is the older families' to say.
    if not grpc:
        return [("error", ending.cause)] if ending.cause else [("http_status", _status(ending.status))]
    # Linkerd's gRPC families have a status always: UNKNOWN where the response had none, or there was no response.
    status = ending.grpc_status
    name = "UNKNOWN" if status is None or status < 0 or ending.cause else GRPC_CODES[status]
    return [("grpc_status", name), ("error", ending.cause)]


def _status(status: int) -> str:
    return _number(status) if status else ""


def _number(value: int) -> str:
    return str(value) if value >= 0 else "unknown"

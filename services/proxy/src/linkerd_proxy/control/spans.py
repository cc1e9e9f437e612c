"""Spans of traces, batched and sent to a collector: OTLP over HTTP in JSON, `POST /v1/traces`.

The data path only puts spans in a bounded list; what does not fit, and what the collector does not take, is dropped and
counted, and never tried again: traces are samples. With the collector's identity (TRACE_COLLECTOR_SVC_NAME) it is
spoken to in mTLS and must prove it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

import aiohttp
import msgspec

from linkerd_contract.codec import encode
from linkerd_proxy.settings import Tracing
from linkerd_proxy.telemetry.registry import Counter
from linkerd_runtime import tls
from linkerd_runtime.certify import Credentials

log = logging.getLogger(__name__)

TRACES_PATH = "/v1/traces"
MAX_SPANS = 2048
"""Waiting to be sent."""
BATCH = 512
INTERVAL_SECONDS = 1.0
SEND_SECONDS = 5.0
SERVER, CLIENT = 2, 3
"""Kinds of spans (OTLP)."""
_ERROR = 2


class Span(msgspec.Struct, frozen=True):
    """One request at one proxy. Ids in hex, times in unix nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, str]
    failed: bool


class SpanExporter:
    """`put` for the data path; `run` sends."""

    def __init__(
        self,
        settings: Tracing,
        resource: Mapping[str, str],
        exported: Counter,
        dropped: Counter,
        credentials: Callable[[], Credentials | None] = lambda: None,
    ) -> None:
        """`resource`: what is true of all spans (service.name, k8s.pod.name …)."""
        self._settings = settings
        self._resource = resource
        self._exported = exported
        self._dropped = dropped
        self._credentials = credentials
        self._spans: list[Span] = []
        self._failing = False

    def put(self, span: Span) -> None:
        """One span. Never waits."""
        if len(self._spans) >= MAX_SPANS:
            self._dropped.value += 1
        else:
            self._spans.append(span)

    async def run(self) -> None:
        """Send what comes, forever. Ends by cancellation only."""
        timeout = aiohttp.ClientTimeout(total=SEND_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await asyncio.sleep(INTERVAL_SECONDS)
                await self.flush(session)

    async def flush(self, session: aiohttp.ClientSession) -> None:
        """Send what waits."""
        while self._spans:
            batch, self._spans = self._spans[:BATCH], self._spans[BATCH:]
            try:
                await self._send(session, batch)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._dropped.value += len(batch)
                if not self._failing:
                    reason = str(error) or type(error).__name__
                    log.warning("trace collector at %s: %s; spans are dropped", self._settings.collector_addr, reason)
                self._failing = True
            else:
                self._exported.value += len(batch)
                self._failing = False

    async def _send(self, session: aiohttp.ClientSession, batch: list[Span]) -> None:
        settings = self._settings
        current = self._credentials() if settings.collector_name is not None else None
        scheme, context = "http", None
        if settings.collector_name is not None:
            if current is None:
                raise ValueError("there is no certificate yet")
            scheme = "https"
            context = tls.client_context(current.trust_bundle, current.chain_path, current.key_path)
        async with session.post(
            f"{scheme}://{settings.collector_addr}{TRACES_PATH}",
            data=encode(document(self._resource, batch)),
            headers={"content-type": "application/json"},
            ssl=True if context is None else context,
            server_hostname=settings.collector_name,
        ) as answer:
            if answer.status >= 300:
                raise ValueError(f"answered {answer.status}")


def document(resource: Mapping[str, str], spans: list[Span]) -> dict[str, object]:
    """An ExportTraceServiceRequest in OTLP's JSON (opentelemetry-proto, trace/v1)."""
    scope = {"scope": {"name": "linkerd-proxy"}, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _attributes(resource)}, "scopeSpans": [scope]}]}


def _span(span: Span) -> dict[str, object]:
    found: dict[str, object] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _attributes(span.attributes),
    }
    if span.failed:
        found["status"] = {"code": _ERROR}
    return found


def _attributes(pairs: Mapping[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items() if value]

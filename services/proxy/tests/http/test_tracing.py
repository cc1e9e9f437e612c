"""Joining traces: formats as tables, then through a pair of sidecars."""

from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.http.recording import GET
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import pair

from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.control.spans import CLIENT, SERVER, Span
from linkerd_proxy.http.tracing import Parent, Tracer, continued, parent_of

TRACE, SPAN = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"
WHOLE = TRACE + b"-" + SPAN
W3C, B3 = Parent(TRACE, SPAN, True), Parent(TRACE, SPAN, False)


def b3(trace: bytes = TRACE, span: bytes = SPAN, sampled: bytes = b"1") -> Headers:
    return [(b"x-b3-traceid", trace), (b"x-b3-spanid", span), (b"x-b3-sampled", sampled)]


def w3c(value: bytes) -> Headers:
    return [(b"traceparent", value)]


@pytest.mark.parametrize(
    ("fields", "parent"),
    [
        ([], None),
        (w3c(b"00-" + WHOLE + b"-01"), W3C),
        (w3c(b"00-" + WHOLE + b"-03"), W3C),
        (w3c(b"cc-" + WHOLE + b"-01-later"), W3C),
        (w3c(b"00-" + WHOLE + b"-00"), None),
        (w3c(b"00-" + WHOLE + b"-01-more"), None),
        (w3c(b"ff-" + WHOLE + b"-01"), None),
        (w3c(b"00-" + WHOLE.upper() + b"-01"), None),
        (w3c(b"00-" + b"0" * 32 + b"-" + SPAN + b"-01"), None),
        (w3c(b"00-" + TRACE + b"-" + b"0" * 16 + b"-01"), None),
        (w3c(b"00-" + WHOLE), None),
        (w3c(b""), None),
        (w3c(b"\xff" * 55), None),
        (b3(), B3),
        (b3(sampled=b"true"), B3),
        (b3(sampled=b"0"), None),
        ([*b3(sampled=b"0"), (b"x-b3-flags", b"1")], B3),
        (b3(TRACE.upper()), B3),
        (b3(TRACE[16:]), Parent(b"0" * 16 + TRACE[16:], SPAN, False)),
        (b3(b"xyz"), None),
        (b3(span=b""), None),
        ([(b"x-b3-traceid", TRACE)], None),
        # W3C comes first, also where it says no; one that cannot be read is as none.
        ([*w3c(b"00-" + WHOLE + b"-00"), *b3()], None),
        ([*w3c(b"junk"), *b3()], B3),
    ],
)
def test_parents(fields: Headers, parent: Parent | None) -> None:
    assert parent_of([*GET, *fields]) == parent


def test_what_follows_has_the_new_span_as_its_parent() -> None:
    ours = b"00f067aa0ba902b7"
    assert continued(w3c(b"00-" + WHOLE + b"-03"), W3C, ours) == w3c(b"00-" + TRACE + b"-" + ours + b"-03")
    assert parent_of(continued(b3(), B3, ours)) == Parent(TRACE, ours, False)
    assert (b"x-b3-parentspanid", SPAN) in continued([*b3(), (b"x-b3-parentspanid", b"old")], B3, ours)


@on_uvloop
async def test_a_trace_goes_through_both_sidecars(tmp_path: Path) -> None:
    seen: list[tuple[str, dict[str, str], bytes]] = []
    spans: list[Span] = []
    ids = iter(range(1, 100))
    async with apps.echo_app(seen) as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        for side in (mesh.client, mesh.server):
            side.runtime.hooks.add(Tracer(spans.append, side.runtime.turn, lambda _: next(ids)).hook)
        assert (await client.get("/plain?q=1")).status == 200
        assert spans == []
        assert "traceparent" not in seen[0][1]
        answer = await client.get("/traced?q=1", traceparent=f"00-{WHOLE.decode()}-01", l5d_client_id="spoofed")
        assert answer.status == 200
        inbound, outbound = sorted(spans, key=lambda span: span.kind)
        assert (outbound.kind, outbound.parent_id, outbound.span_id) == (CLIENT, SPAN.decode(), f"{1:016x}")
        assert (inbound.kind, inbound.parent_id, inbound.span_id) == (SERVER, f"{1:016x}", f"{2:016x}")
        assert {span.trace_id for span in spans} == {TRACE.decode()}
        assert inbound.name == "/traced"
        assert inbound.attributes["http.response.status_code"] == "200"
        assert inbound.end_ns >= inbound.start_ns > 1e18
        assert not inbound.failed
        # The application is asked to continue from the inbound proxy's span, and nothing else was lost or added.
        assert seen[1][1]["traceparent"] == f"00-{TRACE.decode()}-{2:016x}-01"
        assert seen[1][1]["l5d-client-id"] != "spoofed"
        assert seen[1][0] == "GET /traced?q=1 HTTP/1.1"


@on_uvloop
async def test_a_request_that_fails_is_a_failed_span(tmp_path: Path) -> None:
    gone = apps.nobody()
    spans: list[Span] = []
    async with pair(tmp_path, gone) as mesh, apps.client(mesh.addr) as client:
        runtime = mesh.server.runtime
        runtime.hooks.add(Tracer(spans.append, runtime.turn, lambda _: 7).hook)
        answer = await client.get(x_b3_traceid=TRACE.decode(), x_b3_spanid=SPAN.decode(), x_b3_sampled="1")
        assert answer.status == 502
        (span,) = spans
        assert span.failed
        assert (span.attributes["error.type"], span.attributes["http.response.status_code"]) == ("i/o", "502")

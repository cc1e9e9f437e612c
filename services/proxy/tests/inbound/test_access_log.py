"""The access log: Linkerd's fields, lines that clients cannot forge, and a reader that stalls."""

import asyncio
import io
import json
import threading
from pathlib import Path

import pytest
from services.proxy.tests import apps
from services.proxy.tests.http.recording import GET, exchange
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import CLIENT, inbound_document, pair

from linkerd_contract.inbound import AuthnKind, Authorization
from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.watch import Facts
from linkerd_proxy.inbound.access_log import MAX_LINES, AccessLogger, LineWriter
from linkerd_proxy.settings import AccessLog
from linkerd_proxy.telemetry.registry import Counter
from linkerd_proxy.transport.turn import Turn
from linkerd_runtime.settings import Addr

FACTS = Facts(
    Addr("10.42.0.7", 8080),
    source=ClientAddr(Addr("10.42.0.5", 4000)),
    source_labels={"tls": "true", "client_id": "web.id"},
    destination_labels={},
    route_labels={},
)


def logged(kind: AccessLog, head: Headers, *, answered: bool = True) -> str:
    """The line of one request, half a second long, that began at the second 1,700,000,000."""
    loop = asyncio.new_event_loop()
    turn = Turn(loop)
    lines: list[str] = []
    turn.now = 0.0
    x = exchange(head)
    AccessLogger(kind, turn, lines.append, lambda: 1_700_000_000.5).hook(x, FACTS)
    x.down.consumed(x, 4)
    turn.now = 0.1
    if answered:
        x.down.respond(x, [(b":status", b"200")], False)
        turn.now = 0.5
        x.down.send(x, b"hello", True)
    else:
        turn.now = 0.5
        x.gone()
    loop.close()
    (line,) = lines
    return line


def test_json() -> None:
    head: Headers = [*GET, (b"user-agent", b"curl/8"), (b"x-request-id", b"r-1")]
    assert json.loads(logged(AccessLog.json, head)) == {
        "client.addr": "10.42.0.5:4000",
        "client.id": "web.id",
        "timestamp": "2023-11-14T22:13:20.000000Z",
        "method": "GET",
        "uri": "http://a/",
        "version": "HTTP/2.0",
        "trace_id": "r-1",
        "request_bytes": "4",
        "status": "200",
        "response_bytes": "5",
        "total_ns": "500000000",
        "processing_ns": "100000000",
        "user_agent": "curl/8",
        "host": "a",
    }


def test_apache() -> None:
    stem = '10.42.0.5:4000 web.id - [2023-11-14T22:13:20.000000Z] "GET http://a/ HTTP/2.0" '
    assert logged(AccessLog.apache, GET) == stem + "200"
    assert logged(AccessLog.apache, GET, answered=False) == stem + "-"


@pytest.mark.parametrize("kind", [AccessLog.apache, AccessLog.json])
def test_lines_cannot_be_forged(kind: AccessLog) -> None:
    nasty = b'/"x\\ \r\n127.0.0.1 - "GET \xff'
    head: Headers = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", nasty), (b":authority", b"a")]
    line = logged(kind, [*head, (b"user-agent", nasty)])
    assert "\n" not in line
    assert line.isascii()
    text = json.loads(line)["uri"] if kind is AccessLog.json else line
    assert "/\\x22x\\x5c \\x0d\\x0a127.0.0.1 - \\x22GET \\xff" in text


def test_a_reader_that_stalls_costs_lines_and_no_time() -> None:
    class Stalled(io.StringIO):
        go = threading.Event()

        def write(self, text: str) -> int:
            self.go.wait(10)
            return super().write(text)

    out, dropped = Stalled(), Counter()
    writer = LineWriter(out, dropped)
    for n in range(2 * MAX_LINES):
        writer.put(str(n))
    assert dropped.value >= MAX_LINES - 1000
    Stalled.go.set()
    writer.close(10)
    assert len(out.getvalue().splitlines()) == 2 * MAX_LINES - dropped.value


def test_a_reader_that_is_gone() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    dropped = Counter()
    writer = LineWriter(Gone(), dropped)
    writer.put("x")
    writer.close()
    assert dropped.value == 1


@pytest.mark.parametrize("allowed", [True, False])
@on_uvloop
async def test_requests_of_a_sidecar(tmp_path: Path, allowed: bool) -> None:
    authorization = None if allowed else Authorization(authn=AuthnKind.unknown)
    async with (
        apps.echo_app() as app,
        pair(tmp_path, app, inbound=inbound_document(authorization=authorization)) as mesh,
        apps.client(mesh.addr) as client,
    ):
        lines: list[str] = []
        runtime = mesh.server.runtime
        runtime.hooks.add(AccessLogger(AccessLog.json, runtime.turn, lines.append).hook, outbound=False)
        answer = await client.ask(b"POST /p HTTP/1.1\r\nHost: v\r\nContent-Length: 4\r\n\r\nbody")
        (line,) = lines
        found = json.loads(line)
        assert (found["client.id"], found["method"], found["uri"]) == (CLIENT, "POST", "http://v/p")
        assert (found["status"], found["version"]) == ("200" if allowed else "403", "HTTP/1.1")
        assert found["response_bytes"] == str(len(answer.body))
        assert int(found["total_ns"]) >= int(found["processing_ns"]) >= 0
        if allowed:
            assert int(found["processing_ns"]) > 0
            assert found["request_bytes"] == "4"

"""Foreign clients and servers through two sidecars with mTLS, as redirected by iptables: nobody notices the mesh."""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest
from tests.interop import servers
from tests.interop.conftest import ROOT, SERVICE, World

pytestmark = pytest.mark.root

CLIENT = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
URL = f"http://{SERVICE}:{servers.HTTP1}"
URL2 = f"http://{SERVICE}:{servers.HTTP2}"


def curl(world: World, *arguments: str, stdin: str | None = None) -> tuple[dict[str, str], str]:
    """curl's facts about its last response (as JSON) with the headers, and the body."""
    out = world.web.run("curl", "-sS", "-D-", "-w", "\n%{json}", *arguments, stdin=stdin)
    said, _, told = out.rpartition("\n")
    head, _, body = said.rpartition("\n\n")  # no body here has an empty line
    facts = {key: str(value) for key, value in json.loads(told).items()}
    facts |= {name.lower(): value for name, value in re.findall(r"^([\w-]+): (.*)$", head, re.M)}
    return facts, body


@pytest.mark.parametrize(
    ("version", "seen", "told"), [("--http1.0", "HTTP/1.0", "1"), ("--http1.1", "HTTP/1.1", "1.1")]
)
def test_curl_in_its_version(world: World, version: str, seen: str, told: str) -> None:
    facts, body = curl(world, version, f"{URL}/a?b=c")
    assert (facts["http_code"], facts["http_version"]) == ("200", told)
    assert body == f"GET /a?b=c {seen} 0\n"
    assert facts["x-client"] == CLIENT
    assert facts["x-host"] == f"{SERVICE}:{servers.HTTP1}"


def test_curl_in_http2(world: World) -> None:
    facts, body = curl(world, "--http2-prior-knowledge", f"{URL2}/")
    assert (facts["http_code"], facts["http_version"], len(body)) == ("200", "2", 1_000)
    facts, _ = curl(world, "--http2-prior-knowledge", f"{URL2}/nowhere")
    assert facts["http_code"] == "404"


def test_curl_with_bodies(world: World) -> None:
    big = "x" * 500_000
    for extra, method in (
        (["--data-binary", "@-"], "POST"),
        (["-T", "-", "-H", "Transfer-Encoding: chunked"], "PUT"),
        (["-T", "-", "-H", "Expect: 100-continue"], "PUT"),
    ):
        facts, body = curl(world, *extra, f"{URL}/up", stdin=big)
        assert (facts["http_code"], body) == ("200", f"{method} /up HTTP/1.1 500000\n"), extra
    facts, body = curl(world, f"{URL}/chunked")
    assert (facts["http_code"], body) == ("200", "GET /chunked HTTP/1.1 0\nmore\n")
    facts, body = curl(world, "--head", f"{URL}/head")
    assert facts["http_code"] == "200"
    assert facts["content-length"] == str(len("HEAD /head HTTP/1.1 0\n"))


def test_curl_in_absolute_form_and_on_one_connection(world: World) -> None:
    facts, body = curl(world, "-x", URL, "http://elsewhere.example/p")
    assert body == "GET http://elsewhere.example/p HTTP/1.1 0\n"
    assert facts["x-host"] == "elsewhere.example"
    out = world.web.run("curl", "-sS", "-w", "%{num_connects}\n", *[f"{URL}/{n}" for n in range(5)])
    assert [line for line in out.splitlines() if line.isdigit()] == ["1", "0", "0", "0", "0"]


@pytest.mark.parametrize("client", ["grpc", "websocket", "opaque"])
def test_python_clients(world: World, client: str) -> None:
    out = world.web.run(
        "env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.interop.clients", client, SERVICE, seconds=180
    )
    assert out.endswith("ok\n")


def test_h2load(world: World) -> None:
    if shutil.which("h2load") is None:
        pytest.skip("no h2load on this machine: it is in Debian's nghttp2-client")
    for arguments in (["-n", "2000", "-c", "4", "-m", "16", f"{URL2}/"], ["--h1", "-n", "500", "-c", "8", f"{URL}/"]):
        out = world.web.run("h2load", *arguments, seconds=180)
        total = arguments[arguments.index("-n") + 1]
        assert f"{total} succeeded, 0 failed, 0 errored, 0 timeout" in out, out


def test_wrk(world: World) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("no wrk on this machine")
    out = world.web.run("wrk", "-t1", "-c16", "-d2s", "--timeout=60s", f"{URL}/", seconds=180)
    assert int(re.findall(r"(\d+) requests in", out)[0]) > 0, out
    assert "Non-2xx" not in out
    assert "Socket errors" not in out


def test_it_was_the_mesh_that_carried_all_that(world: World) -> None:
    """Runs last in this file: what the sidecars counted."""
    curl(world, f"{URL}/last")
    meshed = ('tls="true"', f'client_id="{CLIENT}"', 'direction="inbound"')
    assert world.sample(world.voting, "response_total", *meshed, 'classification="success"') > 0
    assert world.sample(world.voting, "tcp_open_total", 'tls="no_identity"', 'peer="src"') == 0
    outbound = ('direction="outbound"', 'server_id="voting.emojivoto.serviceaccount.identity.linkerd.cluster.local"')
    assert world.sample(world.web, "request_total", *outbound) > 0
    assert world.sample(world.web, "outbound_http_errors_total") == 0

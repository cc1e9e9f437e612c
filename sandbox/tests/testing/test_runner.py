"""What runs in pods, as processes on this machine."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from linkerd_sandbox.testing import runner
from linkerd_sandbox.testing.cluster import until
from linkerd_testkit.ports import free_port

RUNNER = runner.__file__
APP = """\
import http.server, os

class Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(302 if self.path == "/moved" else 418)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("X-Seen", self.headers["x-sent"])
        self.end_headers()
        self.wfile.write(body)

def echo():
    http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Echo).serve_forever()
"""


def listening(port: int) -> bool:
    done = subprocess.run([sys.executable, RUNNER, "listening", str(port)], capture_output=True, check=False)
    return done.returncode == 0


@contextmanager
def process(*arguments: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Up until the end of the block; then SIGTERM ends it at once."""
    running = subprocess.Popen([sys.executable, RUNNER, *arguments], env={**os.environ, "PORT": str(port)})
    try:
        until(lambda: listening(port), 60, "it listens")
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def test_a_function_serves_and_requests_are_carried_out(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    port = free_port()
    assert not listening(port)
    with process("serve", str(tmp_path / "app.py"), "echo", port=port):
        url = f"http://127.0.0.1:{port}"
        said = runner.call("POST", f"{url}/", {"x-sent": "a"}, "body")
        assert (said["status"], said["body"]) == (418, "body")
        assert said["headers"]["x-seen"] == "a"  # type: ignore[index]
        assert runner.call("POST", f"{url}/moved", {"x-sent": "a"}, "body")["status"] == 302


def test_what_the_network_refuses_is_an_answer() -> None:
    said = runner.call("GET", f"http://127.0.0.1:{free_port()}/", {}, "")
    assert said == {"error": "ConnectionRefusedError: [Errno 111] Connection refused"}
    assert "unknown url type" in str(runner.call("GET", "voting", {}, "")["error"])


def test_the_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    port = free_port()
    code = f"import sys; sys.path.insert(0, {str(Path(RUNNER).parent)!r}); import runner; runner.CALL_PORT = {port};"
    running = subprocess.Popen([sys.executable, "-c", f"{code} runner.main(['call'])"])
    try:
        until(lambda: listening(port), 60, "it listens")
        asked = {"method": "GET", "url": "http://127.0.0.1:1/", "headers": {}, "body": ""}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(asked).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=30) as response:
            assert "ConnectionRefusedError" in json.loads(response.read())["error"]
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def test_other_words_print_what_there_is() -> None:
    done = subprocess.run([sys.executable, RUNNER, "frog"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "`serve FILE FUNCTION`" in done.stderr

"""What runs in a test's pods, by path (`python runner.py …`), with the standard library alone.

- `serve FILE FUNCTION`: calls a function of a file, which is to serve on $PORT until it is ended.
- `listening PORT`: exit 0 where something listens there; a kubelet's TCP probe would only see the sidecar.
- `call`: carries out HTTP requests that come in over 127.0.0.1:9900, a port-forward's end. One JSON object each:
  {"method", "url", "headers", "body"} -> {"status", "headers", "body"}, or {"error"}.
"""

import json
import os
import runpy
import signal
import socket
import sys
import urllib.error
import urllib.request
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALL_PORT = 9900
_SECONDS = 30
Json = dict[str, object]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        """A 302 is an answer like any other."""


_opener = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


def call(method: str, url: str, headers: dict[str, str], body: str) -> Json:
    """One request; what the network refused is an answer too."""
    try:
        request = urllib.request.Request(url, body.encode() if body else None, headers, method=method)
        with _opener.open(request, timeout=_SECONDS) as response:
            return _answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        return _answer(error.code, error.headers, error.read())
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return {"error": f"{type(reason).__name__}: {reason}"}


def _answer(status: int, headers: Message, body: bytes) -> Json:
    found = {name.lower(): value for name, value in headers.items()}
    return {"status": status, "headers": found, "body": body.decode("utf-8", "replace")}


class Caller(BaseHTTPRequestHandler):
    """POST / with a request to carry out."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Carry it out."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        said = json.dumps(call(**asked)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def main(argv: list[str]) -> None:
    """Until SIGTERM, which a container's first process must ask for."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    match argv:
        case ["serve", file, function]:
            sys.path.insert(0, os.getcwd())  # noqa: PTH109 - one folder, as `python -m` would have it
            runpy.run_path(file)[function]()
        case ["listening", port]:
            socket.create_connection(("127.0.0.1", int(port)), 1).close()
        case ["call"]:
            ThreadingHTTPServer(("127.0.0.1", CALL_PORT), Caller).serve_forever()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])

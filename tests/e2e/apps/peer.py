"""A pod of the test's application: serves every protocol, and does as a client what it is told on 127.0.0.1:9900.

The control port is reached by port-forward: it is no part of what is tested. `python -m tests.e2e.apps.peer`.
"""

import json
import os
import signal
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from tests.e2e.apps import client, servers
from tests.e2e.apps.load import Loads

CONTROL_PORT = 9900
Json = dict[str, object]
_loads = Loads()


def _grpc(**arguments: object) -> Json:
    from tests.e2e.apps import rpc

    return rpc.call(**arguments)  # type: ignore[arg-type]  # JSON: the call checks it


def _streams_start(**arguments: str) -> Json:
    from tests.e2e.apps import streams

    return streams.start(**arguments)


def _streams_stop(**arguments: str) -> Json:
    from tests.e2e.apps import streams

    return streams.stop(**arguments)


OPERATIONS: dict[str, Callable[..., Json]] = {
    "http1": client.http1,
    "http2": client.http2,
    "half_close": client.half_close,
    "greeting": client.greeting,
    "grpc": _grpc,
    "load_start": _loads.start,
    "load_read": _loads.read,
    "load_stop": _loads.stop,
    "streams_start": _streams_start,
    "streams_stop": _streams_stop,
}


class Control(BaseHTTPRequestHandler):
    """POST / {"operation": name, argument: value…}."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Carry it out; what the network refused is an answer too."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        try:
            said = OPERATIONS[asked.pop("operation")](**asked)
        except Exception as error:  # noqa: BLE001  # whatever it was, the test shall see it
            said = {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def main() -> None:
    """Until SIGTERM, which ends it at once: draining is the mesh's part, and preStop's."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    servers.start()
    if os.environ.get("PEER_GRPC"):
        from tests.e2e.apps import rpc

        rpc.serve()
    control = servers.Server(("127.0.0.1", CONTROL_PORT), Control)
    threading.Thread(target=control.serve_forever, daemon=True).start()
    print("ready", flush=True)  # noqa: T201
    over.wait()
    os._exit(0)  # no wait for the threads of calls that are still open


if __name__ == "__main__":
    main()

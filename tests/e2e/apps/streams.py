"""Streams that stay open for as long as a test likes: one gRPC call of many messages, and one TCP connection."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import grpc
from tests.e2e.apps.rpc import PORT as GRPC_PORT
from tests.e2e.apps.servers import GREETING_PORT

Json = dict[str, object]
_PAUSE_SECONDS = 0.05
_ANSWER_SECONDS = 20.0


class Streams:
    """Each message is sent when the one before was answered. A stream that ends early is never opened again."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._stop = threading.Event()
        self._answered = {"grpc": 0, "tcp": 0}
        self._ended: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(name, stream), daemon=True)
            for name, stream in (("grpc", self._grpc), ("tcp", self._tcp))
        ]

    def start(self) -> None:
        """Open both; once."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> Json:
        """Close both: how many messages were answered, and why a stream ended before."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * _ANSWER_SECONDS)
        stuck = {"stuck": True} if any(thread.is_alive() for thread in self._threads) else {}
        return {"answered": dict(self._answered), "ended": {**self._ended, **stuck}}

    def _run(self, name: str, stream: Callable[[], None]) -> None:
        try:
            stream()
        except (OSError, grpc.RpcError) as error:
            self._ended[name] = repr(error)
        else:
            if not self._stop.is_set():
                self._ended[name] = "the other end closed it"

    def _grpc(self) -> None:
        answered = threading.Semaphore(1)

        def ask() -> Iterator[bytes]:
            while not self._stop.wait(_PAUSE_SECONDS):
                if not answered.acquire(timeout=_ANSWER_SECONDS):
                    raise OSError("no answer")
                yield b"ping"

        with grpc.insecure_channel(f"{self._host}:{GRPC_PORT}") as channel:
            for _ in channel.stream_stream("/e2e.Echo/Chat", None, None)(ask()):
                self._answered["grpc"] += 1
                answered.release()

    def _tcp(self) -> None:
        address = (self._host, GREETING_PORT)
        with (
            socket.create_connection(address, timeout=_ANSWER_SECONDS) as connection,
            connection.makefile("rb") as lines,
        ):
            lines.readline()
            while not self._stop.wait(_PAUSE_SECONDS):
                connection.sendall(b"ping\n")
                if not lines.readline():
                    return
                self._answered["tcp"] += 1


_open: dict[str, Streams] = {}


def start(name: str, host: str) -> Json:
    """Open two streams to a host."""
    _open[name] = Streams(host)
    _open[name].start()
    return {}


def stop(name: str) -> Json:
    """Close them; the report."""
    with contextlib.suppress(KeyError):
        return _open.pop(name).stop()
    return {}

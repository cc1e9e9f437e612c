"""Constant load from inside a pod: what was sent, what failed, who answered, and the longest silence."""

import contextlib
import http.client
import json
import threading
import time
from dataclasses import dataclass, field

Json = dict[str, object]
_KEPT = 50


@dataclass
class Load:
    """Threads that ask `http://host:port` for a path again and again.

    Half of them keep their connection, half open one for each request: both are what clients do.
    """

    host: str
    port: int
    path: str = "/"
    threads: int = 4
    pause_seconds: float = 0.02
    sent: int = 0
    failures: list[Json] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin; once."""
        for number in range(self.threads):
            thread = threading.Thread(target=self._run, args=(number % 2 == 0,), daemon=True)
            thread.start()
            self._running.append(thread)

    def stop(self) -> None:
        """Returns when the last request has ended."""
        self._stop.set()
        for thread in self._running:
            thread.join()

    def report(self) -> Json:
        """So far."""
        with self._lock:
            return {
                "sent": self.sent,
                "failed": len(self.failures),
                "failures": self.failures[:_KEPT],
                "answered": dict(self.answered),
            }

    def _run(self, keep: bool) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            began = time.time()
            if connection is None:
                connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
            try:
                self._one(connection)
            except (OSError, http.client.HTTPException, ValueError) as error:
                with self._lock:
                    self.failures.append({"at": began, "took": time.time() - began, "keep": keep, "error": repr(error)})
                connection.close()
                connection = None
            if connection is not None and not keep:
                connection.close()
                connection = None
            self._stop.wait(self.pause_seconds)
        if connection is not None:
            connection.close()

    def _one(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self.sent += 1
        connection.request("GET", self.path)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            reason = response.getheader("l5d-proxy-error", "")
            raise ValueError(f"status {response.status} {reason}")
        pod = str(json.loads(body).get("pod", ""))  # this application's name itself, others do not
        with self._lock:
            self.answered[pod] = self.answered.get(pod, 0) + 1


class Loads:
    """Loads by name."""

    def __init__(self) -> None:
        self._loads: dict[str, Load] = {}

    def start(self, name: str, host: str, port: int, path: str = "/") -> Json:
        """Begin a load."""
        self._loads[name] = Load(host, port, path)
        self._loads[name].start()
        return {}

    def read(self, name: str) -> Json:
        """How it goes."""
        return self._loads[name].report()

    def stop(self, name: str) -> Json:
        """End it; the last report."""
        with contextlib.suppress(KeyError):
            load = self._loads.pop(name)
            load.stop()
            return load.report()
        return {}

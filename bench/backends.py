"""The servers behind the inbound proxies: nginx for HTTP/1, nghttpd for HTTP/2, an echo for opaque bytes."""

from __future__ import annotations

import shutil
import socket
import threading
from pathlib import Path

from bench.process import Process, free_port
from bench.topology import Protocol

_NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.err;
events {{ worker_connections 4096; }}
http {{
    access_log off; client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
    uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
    keepalive_requests 100000000; keepalive_timeout 600;
    server {{ listen 127.0.0.1:{port} backlog=4096; root {dir}/www; }}
}}
"""
BODIES = {"64": 64, "10k": 10_240, "1m": 1_048_576}


class Servers:
    """The three backends on one core."""

    def __init__(self, directory: Path, core: int) -> None:
        www = directory / "www"
        www.mkdir()
        for name, size in BODIES.items():
            (www / name).write_bytes(b"x" * size)
        self.ports: dict[Protocol, int] = {"http1": free_port(), "http2": free_port(), "tcp": free_port()}
        (directory / "nginx.conf").write_text(_NGINX.format(dir=directory, port=self.ports["http1"]))
        nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
        nghttpd = ["nghttpd", "-m", "1000", "--no-tls", "-d", str(www), str(self.ports["http2"])]
        self._echo = socket.create_server(("127.0.0.1", self.ports["tcp"]))
        self._processes: list[Process] = []
        try:
            self._processes.append(Process("nginx", [nginx, "-c", str(directory / "nginx.conf")], core, directory))
            self._processes.append(Process("nghttpd", nghttpd, core, directory))
            self._processes[0].wait_listening(self.ports["http1"])
            self._processes[1].wait_listening(self.ports["http2"])
        except BaseException:
            self.stop()  # nobody else can: the one that failed leaves the other one running
            raise
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._echo.accept()
            except OSError:
                return
            threading.Thread(target=_echo, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        """End all three."""
        self._echo.close()
        for process in self._processes:
            process.stop()


def _echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(262144):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)

"""Pods without a cluster: network namespaces joined by a bridge, in a user namespace, so no root is needed.

Everything ends with the processes that hold the namespaces, whose input this process keeps open: nothing is left, also
where a test is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

HUB = "10.77.0.1"
_HOLD = ["sh", "-c", "echo ready; exec cat"]
SECONDS = 60
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
"""Of what runs inside: a normal user's PATH on Debian has no sbin, where ip and nghttpd are."""


class Namespace:
    """One network namespace, held by a process; `name` is for messages."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self._holder.stdout.close()
            self._holder.stdin.close()
            raise RuntimeError(f"no namespace for {name}: {' '.join(command)} ended with {self._holder.wait()}")
        self.pid = self._holder.pid

    def command(self, *arguments: str) -> list[str]:
        """A command line that runs inside."""
        return ["nsenter", f"--target={self.pid}", "--user", "--net", "--preserve-credentials", "--", *arguments]

    def run(self, *arguments: str, seconds: float = SECONDS, stdin: str | None = None) -> str:
        """Run a program inside; its output. Raises RuntimeError where it fails."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            env=ENVIRONMENT,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self, *arguments: str, env: Mapping[str, str], log: str) -> subprocess.Popen[bytes]:
        """Start a program inside, with `env` besides; what it says goes to the file `log`."""
        with open(log, "wb") as output:  # noqa: PTH123 - a subprocess's file
            return subprocess.Popen(
                self.command(*arguments),
                env={**ENVIRONMENT, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def close(self) -> None:
        """Let go: the namespace ends with its last process."""
        assert self._holder.stdin is not None
        assert self._holder.stdout is not None
        self._holder.stdin.close()
        self._holder.wait(timeout=SECONDS)
        self._holder.stdout.close()


@contextmanager
def pods(**addresses: str) -> Iterator[tuple[Namespace, dict[str, Namespace]]]:
    """The hub and a namespace for each name, with that address on eth0. Raises RuntimeError where there can be none."""
    held: list[Namespace] = []
    try:
        hub = Namespace("hub", ["unshare", "--user", "--map-root-user", "--net", *_HOLD])
        held.append(hub)
        hub.run("ip", "link", "set", "lo", "up")
        hub.run("ip", "link", "add", "br0", "type", "bridge")
        hub.run("ip", "address", "add", f"{HUB}/24", "dev", "br0")
        hub.run("ip", "link", "set", "br0", "up")
        found: dict[str, Namespace] = {}
        for name, address in addresses.items():
            inside = ["nsenter", f"--target={hub.pid}", "--user", "--preserve-credentials", "--"]
            pod = Namespace(name, [*inside, "unshare", "--net", *_HOLD])
            held.append(pod)
            hub.run("ip", "link", "add", f"v-{name}", "type", "veth", "peer", "name", "eth0", "netns", str(pod.pid))
            hub.run("ip", "link", "set", f"v-{name}", "master", "br0", "up")
            pod.run("ip", "link", "set", "lo", "up")
            pod.run("ip", "address", "add", f"{address}/24", "dev", "eth0")
            pod.run("ip", "link", "set", "eth0", "up")
            pod.run("ip", "route", "add", "default", "via", HUB)
            found[name] = pod
        yield hub, found
    finally:
        for namespace in reversed(held):
            namespace.close()


def redirect(pod: Namespace, mark: int) -> None:
    """The rules of a meshed pod, by the product's own init step."""
    arguments = ["--proxy-mark", str(mark), "--ipv6=false", "--inbound-ports-to-ignore=4190,4191"]
    for flavour in ("iptables-nft", "iptables-legacy"):
        programs = [f"--firewall-bin-path={flavour}", f"--firewall-save-bin-path={flavour}-save"]
        try:
            pod.run(sys.executable, "-m", "linkerd_proxy_init", *arguments, *programs)
        except RuntimeError as error:
            problem = error
        else:
            return
    raise problem

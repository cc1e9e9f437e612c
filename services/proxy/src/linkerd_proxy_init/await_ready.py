"""linkerd-await: wait until the proxy is ready, then end, or run a program in this one's place.

`linkerd-await --timeout=2m --port=4191 [-- PROGRAM ARGUMENTS…]`. Exit 69 (EX_UNAVAILABLE) when the time is over. With
--shutdown the program runs as a child, its exit code is ours, and the proxy is told to shut down after it (Jobs).
"""

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

from linkerd_contract.durations import parse_duration_ms
from linkerd_contract.names import PORT_ADMIN

EX_UNAVAILABLE = 69
DISABLED = ("LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED")
"""Set to anything, the wait is skipped (linkerd-await)."""


def request(port: int, method: str, path: str, timeout: float) -> int:
    """Status of the admin server's answer; 0 where there is none."""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    try:
        with socket.create_connection(("localhost", port), timeout) as connection:
            connection.sendall(head.encode())
            line = connection.makefile("rb").readline(256)
        return int(line.split(b" ", 2)[1])
    except (OSError, IndexError, ValueError):
        return 0


def await_ready(port: int, backoff: float, timeout: float | None) -> bool:
    """Ask every `backoff` seconds until ready; False when `timeout` seconds are over."""
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            return False
        if request(port, "GET", "/ready", 1.0 if left is None else min(1.0, left)) == 200:
            return True
        time.sleep(backoff if deadline is None else max(0.0, min(backoff, deadline - time.monotonic())))


def _duration(text: str) -> float:
    try:
        return parse_duration_ms(text) / 1000
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="linkerd-await", description="Wait for the Linkerd proxy to become ready.")
    parser.add_argument("-p", "--port", type=int, default=PORT_ADMIN, help="the proxy's admin port")
    parser.add_argument("-b", "--backoff", type=_duration, default=1.0, help="time between two questions")
    parser.add_argument("-t", "--timeout", type=_duration, default=None, help="how long to wait at most")
    parser.add_argument("-S", "--shutdown", action="store_true", help="shut the proxy down after the program")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what happens")
    parser.add_argument("command", nargs="*", metavar="PROGRAM", help="what to run once ready")
    return parser


def run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """The program, without reading the process's own environment."""
    arguments = _parser().parse_args(argv)

    def say(text: str) -> None:
        if arguments.verbose:
            print(f"linkerd-await: {text}", file=sys.stderr)

    disabled = next((name for name in DISABLED if environment.get(name)), None)
    if disabled is not None:
        say(f"skipped: {disabled} is set")
    elif not await_ready(arguments.port, arguments.backoff, arguments.timeout):
        print(f"linkerd-await: the proxy was not ready within {arguments.timeout:g} s", file=sys.stderr)
        return EX_UNAVAILABLE
    else:
        say("ready")
    if not arguments.command:
        return 0
    if not arguments.shutdown:
        return _replace(arguments.command)
    try:
        code = subprocess.run(arguments.command, check=False).returncode
    except OSError as error:
        print(f"linkerd-await: {error}", file=sys.stderr)
        code = 127
    if disabled is None and request(arguments.port, "POST", "/shutdown", 5.0) != 200:
        say("the proxy did not take the shutdown")
    return code if code >= 0 else 128 - code


def _replace(command: list[str]) -> int:
    try:
        os.execvp(command[0], command)  # noqa: S606 - the point of it, and there is no shell
    except OSError as error:
        print(f"linkerd-await: {error}", file=sys.stderr)
    return 127


def main() -> int:
    """The console script."""
    return run(sys.argv[1:], os.environ)


if __name__ == "__main__":
    sys.exit(main())

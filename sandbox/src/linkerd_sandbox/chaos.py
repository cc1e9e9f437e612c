"""`linkerd sandbox chaos`: asks the supervisor for a fault, over the socket in the sandbox's directory."""

import json
import os
import socket
from pathlib import Path
from typing import Final

ACTIONS: Final = ("kill", "pause", "resume", "partition", "delay", "loss", "clock", "heal")
SOCKET: Final = "control.sock"
_PATIENCE_SECONDS: Final = 30.0


class ChaosFailed(Exception):
    """One line for people."""


def ask(directory: Path, request: dict[str, str]) -> list[str]:
    """The names of what was hit. Raises ChaosFailed."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE_SECONDS)
            folder = os.open(directory, os.O_PATH | os.O_CLOEXEC)
            try:
                # a socket's name has at most 107 bytes, which a folder's may exceed
                connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            finally:
                os.close(folder)
            connection.sendall(json.dumps(request).encode() + b"\n")
            answer = json.loads(connection.makefile("rb").readline() or b"{}")
    except (OSError, ValueError) as error:
        raise ChaosFailed(f"the sandbox does not answer: {error}") from None
    if "error" in answer:
        raise ChaosFailed(str(answer["error"]))
    return [str(name) for name in answer.get("done", ())]

"""The host's side of faults."""

import json
import socket
import threading
from contextlib import chdir
from pathlib import Path

import pytest

from linkerd_sandbox import chaos


def serve(directory: Path, answer: bytes) -> threading.Thread:
    listener = socket.socket(socket.AF_UNIX)
    with chdir(directory):  # whose own name may be too long for a socket's
        listener.bind(chaos.SOCKET)
    listener.listen()

    def once() -> None:
        peer, _ = listener.accept()
        with peer, listener:
            json.loads(peer.makefile("rb").readline())
            peer.sendall(answer)

    thread = threading.Thread(target=once)
    thread.start()
    return thread


def test_it_says_what_was_hit(tmp_path: Path) -> None:
    thread = serve(tmp_path, b'{"done": ["default/web"]}\n')
    assert chaos.ask(tmp_path, {"action": "kill"}) == ["default/web"]
    thread.join()


@pytest.mark.parametrize(
    ("answer", "message"), [(b'{"error": "no such pod"}\n', "no such pod"), (b"x\n", "does not answer")]
)
def test_errors_are_one_line(tmp_path: Path, answer: bytes, message: str) -> None:
    thread = serve(tmp_path, answer)
    with pytest.raises(chaos.ChaosFailed, match=message):
        chaos.ask(tmp_path, {})
    thread.join()


def test_nobody_serves(tmp_path: Path) -> None:
    with pytest.raises(chaos.ChaosFailed, match="does not answer"):
        chaos.ask(tmp_path, {})

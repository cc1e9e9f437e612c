"""The servers behind the proxies under measurement."""

from pathlib import Path

import pytest
from bench import backends


class Fake:
    """A process of which the second one never listens."""

    made: list["Fake"]

    def __init__(self, name: str, *_: object) -> None:
        self.name = name
        self.stopped = False
        self.made.append(self)

    def wait_listening(self, _port: int) -> None:
        if self.name == "nghttpd":
            raise RuntimeError("it does not listen")

    def stop(self) -> None:
        self.stopped = True


def test_one_that_does_not_start_leaves_no_other_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Fake.made = []
    monkeypatch.setattr(backends, "Process", Fake)
    with pytest.raises(RuntimeError, match="does not listen"):
        backends.Servers(tmp_path, 0)
    assert [(one.name, one.stopped) for one in Fake.made] == [("nginx", True), ("nghttpd", True)]

"""What sets a container's clock wrong."""

from pathlib import Path

import pytest

from linkerd_sandbox.faults import clock
from linkerd_sandbox.faults.errors import FaultRefused


@pytest.mark.parametrize(("text", "value"), [("+3600", 3600), ("-60", -60), ("5", 5), ("0", 0)])
def test_offsets(text: str, value: int) -> None:
    assert clock.seconds(text) == value


@pytest.mark.parametrize("text", ["", "+", "1h", "1.5", "--1", "+99999999999"])
def test_bad_offsets(text: str) -> None:
    with pytest.raises(FaultRefused, match="how many seconds"):
        clock.seconds(text)


def test_the_library_is_found_or_named(tmp_path: Path) -> None:
    with pytest.raises(FaultRefused, match="apt-get install faketime"):
        clock.library((tmp_path,))
    file = tmp_path / "x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    file.parent.mkdir(parents=True)
    file.touch()
    assert clock.library((tmp_path,)) == str(file)


def test_the_environment() -> None:
    assert clock.environment("/lib", 0) == {}
    found = clock.environment("/lib", 60)
    assert (found["LD_PRELOAD"], found["FAKETIME"]) == ("/lib", "+60")

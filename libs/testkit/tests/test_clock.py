"""A clock that tests move."""

import pytest

from linkerd_testkit.clock import FakeClock


def test_it_moves_forward_only() -> None:
    clock = FakeClock(5.0)
    assert clock() == 5.0
    assert clock.advance(1.5) == clock() == 6.5
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)

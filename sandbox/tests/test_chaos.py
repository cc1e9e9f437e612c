"""Which processes a fault is for, and what is asked wrongly; faults themselves run in test_supervisor."""

import pytest

from linkerd_sandbox import chaos

TABLE = """Main:
  +-- 0.0.0.0/0 2 0 2
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.42.0.8/30 2 0 2
        |-- 10.42.0.8
           /32 host LOCAL
        |-- 10.42.0.9
           /32 link UNICAST
"""


def test_only_local_addresses_count() -> None:
    assert chaos.has_address(TABLE, "10.42.0.8")
    assert not chaos.has_address(TABLE, "10.42.0.9")
    assert not chaos.has_address(TABLE, "10.42.0.80")


@pytest.mark.parametrize(("action", "amount"), [("delay", ""), ("delay", "x"), ("loss", "101"), ("loss", "-1")])
def test_amounts(action: str, amount: str) -> None:
    with pytest.raises(chaos.ChaosFailed, match="how many"):
        chaos.run(action, amount, [1], {})

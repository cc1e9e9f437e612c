import pytest

from linkerd_proxy.overrides import INBOUND, OUTBOUND, Overrides
from linkerd_runtime.settings import Addr, BadSettings


def test_unset_means_ask_the_kernel() -> None:
    assert Overrides.from_env({}) == Overrides(None, None)
    assert Overrides.from_env({INBOUND: " "}) == Overrides()


def test_both_directions() -> None:
    found = Overrides.from_env({INBOUND: "127.0.0.1:80", OUTBOUND: "[::1]:81"})
    assert found == Overrides(Addr("127.0.0.1", 80), Addr("::1", 81))


def test_every_bad_one_is_named() -> None:
    with pytest.raises(BadSettings) as bad:
        Overrides.from_env({INBOUND: "x", OUTBOUND: "y"})
    assert [message.partition(":")[0] for message in bad.value.messages] == [INBOUND, OUTBOUND]

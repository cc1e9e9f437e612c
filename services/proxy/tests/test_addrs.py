import pytest

from linkerd_proxy.addrs import from_socket, is_loopback, unmapped
from linkerd_runtime.settings import Addr


@pytest.mark.parametrize(
    ("host", "expected"),
    [("10.0.0.1", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("fe80::1%eth0", "fe80::1"), ("::1", "::1")],
)
def test_hosts_are_written_one_way(host: str, expected: str) -> None:
    assert unmapped(host) == expected


def test_addresses_of_both_families() -> None:
    assert from_socket(("::ffff:1.2.3.4", 80, 0, 0)) == Addr("1.2.3.4", 80)
    assert str(from_socket(("2001:db8::1", 80, 0, 0))) == "[2001:db8::1]:80"
    with pytest.raises(TypeError):
        from_socket((1, "not a port"))


def test_loopback() -> None:
    assert is_loopback("127.8.8.8")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.1")

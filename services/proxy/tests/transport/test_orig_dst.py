"""The answers of netfilter, as bytes; real redirection is tested with iptables in tests/e2e."""

import socket
import struct

from linkerd_proxy.transport.orig_dst import local_addr, original_dst


class Redirected:
    """A socket that netfilter knows."""

    def __init__(self, v4: bytes = b"", v6: bytes = b"") -> None:
        self.answers = {socket.IPPROTO_IP: v4, socket.IPPROTO_IPV6: v6}

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert option == 80
        if not self.answers[level]:
            raise OSError(2, "No such file or directory")
        assert len(self.answers[level]) == size
        return self.answers[level]


def test_ipv4() -> None:
    raw = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", 8080, socket.inet_aton("10.1.2.3"))
    found = original_dst(Redirected(v4=raw), "10.0.0.9")  # type: ignore[arg-type]
    assert found is not None
    assert str(found) == "10.1.2.3:8080"


def test_ipv6() -> None:
    packed = socket.inet_pton(socket.AF_INET6, "2001:db8::5")
    raw = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI16sI", 443, 0, packed, 0)
    found = original_dst(Redirected(v6=raw), "2001:db8::9")  # type: ignore[arg-type]
    assert str(found) == "[2001:db8::5]:443"


def test_unknown_connections_have_none() -> None:
    assert original_dst(Redirected(), "10.0.0.9") is None  # type: ignore[arg-type]
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        accepted, _ = server.accept()
        with accepted:
            assert local_addr(accepted) == client.getpeername()

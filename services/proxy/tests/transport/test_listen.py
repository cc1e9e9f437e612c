import asyncio
import errno
import socket

import pytest

from linkerd_proxy.addrs import ClientAddr
from linkerd_proxy.transport.listen import Listener, bind, tune
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import eventually


async def test_connections_are_accepted_until_closed() -> None:
    accepted: list[tuple[socket.socket, ClientAddr]] = []
    listener = Listener(
        asyncio.get_running_loop(), bind(Addr("127.0.0.1", 0)), lambda sock, addr: accepted.append((sock, addr))
    )
    clients = [socket.create_connection(listener.addr) for _ in range(3)]
    await eventually(lambda: len(accepted) == 3)
    assert {addr.port for _, addr in accepted} == {client.getsockname()[1] for client in clients}
    assert not accepted[0][0].getblocking()
    listener.close()
    listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener.addr)
    for sock in (*clients, *(sock for sock, _ in accepted)):
        sock.close()


def _has_ipv6() -> bool:
    """Many containers have none, not even on loopback."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_ipv6(), reason="there is no address ::1 here: IPv6 is switched off")
async def test_both_families_are_accepted_where_all_addresses_are_listened_on() -> None:
    accepted: list[ClientAddr] = []

    def on_accept(sock: socket.socket, addr: ClientAddr) -> None:
        accepted.append(addr)
        sock.close()

    listener = Listener(asyncio.get_running_loop(), bind(Addr("::", 0)), on_accept)
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, listener.addr.port)).close()
    await eventually(lambda: len(accepted) == 2)
    assert [addr.host for addr in accepted] == ["127.0.0.1", "::1"]
    listener.close()


async def test_several_may_share_a_port() -> None:
    first = bind(Addr("127.0.0.1", 0), reuse_port=True)
    second = bind(Addr("127.0.0.1", first.getsockname()[1]), reuse_port=True)
    with pytest.raises(OSError) as taken:
        bind(Addr("127.0.0.1", first.getsockname()[1]))
    assert taken.value.errno == errno.EADDRINUSE
    first.close()
    second.close()


async def test_running_out_of_descriptors_pauses_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted: list[socket.socket] = []
    listening = bind(Addr("127.0.0.1", 0))

    class Exhausted:
        calls = 0

        def __getattr__(self, name: str) -> object:
            return getattr(listening, name)

        def accept(self) -> tuple[socket.socket, tuple[str, int]]:
            Exhausted.calls += 1
            if Exhausted.calls == 1:
                raise OSError(errno.EMFILE, "Too many open files")
            found: tuple[socket.socket, tuple[str, int]] = listening.accept()
            return found

    listener = Listener(
        asyncio.get_running_loop(),
        Exhausted(),  # type: ignore[arg-type]
        lambda sock, _: accepted.append(sock),
    )
    client = socket.create_connection(listener.addr)
    await eventually(lambda: len(accepted) == 1)
    listener.close()
    client.close()
    accepted[0].close()


def test_options_of_connections() -> None:
    with socket.socket() as sock:
        tune(sock, 10_000, 30_000)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert sock.getsockopt(socket.IPPROTO_TCP, 18) == 30_000

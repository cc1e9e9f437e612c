"""SO_MARK: on whatever connects, and a refusal that says what is missing."""

import asyncio
import errno
import socket
from typing import cast

import aiohttp
import pytest
from services.proxy.tests import apps

from linkerd_proxy.addrs import ServerAddr
from linkerd_proxy.errors import ConnectFailed
from linkerd_proxy.transport import mark
from linkerd_proxy.transport.connect import Dialer
from linkerd_runtime.settings import Addr
from linkerd_testkit.ports import free_port

Set = list[tuple[int, int]]


@pytest.fixture
def marks(monkeypatch: pytest.MonkeyPatch) -> Set:
    """The marks that were set, without the right to set any."""
    found: Set = []
    monkeypatch.setattr(mark, "mark_socket", lambda sock, value: found.append((sock.fileno(), value)))
    return found


class _Made(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)


def test_streams_of_the_data_path_and_of_aiohttp_are_marked(marks: Set) -> None:
    async def main() -> None:
        async with apps.echo_app() as addr:
            made = _Made()
            await Dialer(asyncio.get_running_loop(), 1.0).connect(ServerAddr(Addr(*addr)), made)
            assert [value for _, value in marks] == [7]
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{addr[1]}/") as answer:
                assert answer.status == 200
            assert [value for _, value in marks] == [7, 7]
            made.transport.close()
            await asyncio.wait_for(made.lost, apps.DEADLINE)

    with asyncio.Runner(loop_factory=mark.loop_factory(7)) as runner:
        runner.run(main())


def test_without_a_mark_nothing_is_marked_and_a_refusal_is_the_kernels(marks: Set) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with apps.echo_app() as addr:
            made = _Made()
            await Dialer(loop, 1.0).connect(ServerAddr(Addr(*addr)), made)
            made.transport.close()
            await asyncio.wait_for(made.lost, apps.DEADLINE)
            with socket.socket() as sock:
                sock.setblocking(False)
                await loop.sock_connect(sock, ("localhost", addr[1]))
        with pytest.raises(ConnectFailed, match="Connection refused"):
            await Dialer(loop, 1.0).connect(ServerAddr(Addr("127.0.0.1", free_port())), asyncio.Protocol())
        # An address that nobody has (RFC 5737): the connection is given up, and nothing is left to wait for.
        with socket.socket() as sock:
            sock.setblocking(False)
            with pytest.raises((TimeoutError, OSError)):
                await asyncio.wait_for(loop.sock_connect(sock, ("192.0.2.1", 9)), 0.1)

    with asyncio.Runner(loop_factory=mark.loop_factory(0)) as runner:
        runner.run(main())
    assert marks == []


class _Refusing(socket.socket):
    def setsockopt(self, *_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")


def test_a_refusal_names_the_variable_and_the_capability() -> None:
    with _Refusing() as sock, pytest.raises(mark.MarkRefused) as caught:
        mark.mark_socket(sock, 19509)
    for part in ("LINKERD2_PROXY_SOCKET_MARK=19509", "SO_MARK", "Operation not permitted", "CAP_NET_ADMIN"):
        assert part in str(caught.value)

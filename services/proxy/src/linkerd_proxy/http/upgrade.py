"""Upgrades and CONNECT: after the switch, an exchange's two connections are a relay of bytes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from linkerd_proxy.http.exchange import CLOSED, NOBODY, Exchange
from linkerd_proxy.http.watch import Watch
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.flow import errno_name
from linkerd_proxy.transport.relay import End, pair

if TYPE_CHECKING:
    from linkerd_proxy.http.client_h1 import H1Client


def splice(x: Exchange, up: "H1Client") -> None:
    """Join the connections of an exchange whose protocol was switched; both are HTTP/1."""
    from linkerd_proxy.http.server_h1 import H1Server  # it does not need us, we need its type

    down = x.down
    while isinstance(down, Watch):
        down.finish(x)
        down = down.down
    if not isinstance(down, H1Server):  # the client went away
        up.abort_connection()
        return
    x.observer.response_end(x, None)
    x.observer = NOBODY
    x.flags |= CLOSED
    client_transport, from_client = down.take_over()
    server_transport, from_server = up.take_over()
    on_closed, down.on_closed = down.on_closed, _nothing
    client, server = _end(down.tcp, on_closed), _end(up.tcp, _nothing)
    pair(client, server)
    client_transport.set_protocol(client)
    server_transport.set_protocol(server)
    client.connection_made(client_transport)
    server.connection_made(server_transport)
    if from_client:
        client.data_received(from_client)
    if from_server:
        server.data_received(from_server)


def _nothing() -> None:
    pass


def _end(tcp: TcpSeries, on_closed: Callable[[], None]) -> End:
    def lost(error: Exception | None) -> None:
        tcp.closed(errno_name(error))
        on_closed()

    return End(tcp.read, tcp.written, lost)

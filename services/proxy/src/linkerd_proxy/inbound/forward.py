"""To the application: its connections by address, HTTP/1 kept alive, HTTP/2 shared.

The application is reached at the address that the client dialled (Linkerd), from the loop that redirection makes only
the proxy's own port is guarded against.
"""

from linkerd_proxy.addrs import OrigDst, ServerAddr
from linkerd_proxy.codec.headers import Headers
from linkerd_proxy.http.exchange import HTTP_2, UPGRADE, Exchange
from linkerd_proxy.http.pool import H1Pool, H2Pool, Target
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.settings import Inbound
from linkerd_proxy.telemetry import labels
from linkerd_proxy.telemetry.metrics import TcpSeries
from linkerd_proxy.transport.connect import Dialer


class Application:
    """One port of the application."""

    def __init__(self, runtime: Runtime, settings: Inbound, dialer: Dialer, dst: OrigDst) -> None:
        self.addr = ServerAddr(dst)
        self.dialer = dialer
        self.tcp: TcpSeries = runtime.metrics.tcp.series(
            labels.render(
                [
                    ("direction", "inbound"),
                    ("peer", "dst"),
                    *labels.target(*dst),
                    *labels.client_tls(None, labels.NoTls.loopback),
                ]
            )
        )
        base = settings.base
        target = Target(runtime, self.addr, dialer, self.tcp)
        self._h1 = H1Pool(target, base.http1_pool_idle_ms / 1000, base.max_idle_conns_per_endpoint)
        self._h2 = H2Pool(target, base.http_queue_capacity)

    def send(self, x: Exchange, fields: Headers) -> None:
        """Send a request in the version in which it began."""
        if x.head.version == HTTP_2:
            self._h2.send(x, fields)
        elif x.flags & UPGRADE:
            self._h1.send_fresh(x, fields)
        else:
            self._h1.send(x, fields)

    def retire(self) -> None:
        """No more requests."""
        self._h1.retire()
        self._h2.retire()


class Forward:
    """All ports of the application."""

    def __init__(self, runtime: Runtime, settings: Inbound, dialer: Dialer) -> None:
        self._runtime = runtime
        self._settings = settings
        self._dialer = dialer
        self._applications: dict[OrigDst, Application] = {}

    def to(self, dst: OrigDst) -> Application:
        """The application at an address. There are as many as addresses and ports of this pod in use."""
        application = self._applications.get(dst)
        if application is None:
            application = self._applications[dst] = Application(self._runtime, self._settings, self._dialer, dst)
        return application

    def close(self) -> None:
        """No more requests."""
        for application in self._applications.values():
            application.retire()

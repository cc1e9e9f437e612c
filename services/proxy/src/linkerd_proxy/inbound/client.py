"""Who is on the other end of an accepted connection, and what port it wants."""

from linkerd_contract.resource import ResourceRef
from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.telemetry import labels


class Client:
    """One accepted connection's facts. Never changed."""

    __slots__ = ("addr", "dst", "identity", "ip", "labels", "metadata", "tls")

    def __init__(
        self,
        addr: ClientAddr,
        dst: OrigDst,
        identity: str | None,
        tls: bool,
        tls_labels: list[tuple[str, str]],
        metadata: dict[str, str],
    ) -> None:
        """`tls`: whether this proxy terminated mTLS; `identity`: the name in the client's verified certificate."""
        self.addr = addr
        self.ip = addr.host
        self.dst = dst
        self.identity = identity
        self.tls = tls
        self.labels = [("direction", "inbound"), *labels.target(*dst), *tls_labels]
        self.metadata = metadata
        """What tap shows and matches: tls ("true", or why not) and client_id."""

    def server_labels(self, server: ResourceRef) -> list[tuple[str, str]]:
        """srv_* of a Server or of a default policy, which many ports share: srv_port is the port wanted (Linkerd)."""
        return labels.resource("srv", server, self.dst.port)


def meshed(addr: ClientAddr, dst: OrigDst, identity: str | None) -> Client:
    """A client whose TLS we terminated."""
    return Client(addr, dst, identity, True, labels.server_tls(identity or ""), _described(identity or ""))


def plain(addr: ClientAddr, dst: OrigDst, reason: labels.NoTls = labels.NoTls.no_tls_from_remote) -> Client:
    """A client without TLS."""
    return Client(addr, dst, None, False, labels.server_tls(None, reason), _described(None, reason))


def passed_through(addr: ClientAddr, dst: OrigDst, server_name: str) -> Client:
    """A client whose TLS is the application's."""
    return Client(addr, dst, None, False, labels.passthrough_tls(server_name), {"tls": "opaque"})


def _described(identity: str | None, reason: labels.NoTls = labels.NoTls.no_tls_from_remote) -> dict[str, str]:
    return labels.described_tls("client_id", identity, reason)

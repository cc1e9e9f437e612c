"""TLS 1.3 contexts of this workload's certificate, and who the peer is.

Contexts are made once per certificate and kept for all handshakes until the next one: `update` swaps them, and what
is established goes on. Clients of the mesh must show a chain to the trust bundle if they show any (Linkerd: optional on
the server's side; policy decides). The peer's name is the first DNS or URI name of its certificate.
"""

import ssl
from collections.abc import Mapping
from typing import cast

from linkerd_contract.names import ALPN_H2, ALPN_OPAQUE
from linkerd_runtime import tls
from linkerd_runtime.certify import Credentials


class TlsContexts:
    """The contexts in force. Until the first `update` there are none, and `ready` is False."""

    def __init__(self) -> None:
        self.identity = ""
        self.ready = False
        self._server: ssl.SSLContext | None = None
        self._clients: dict[str, ssl.SSLContext] = {}

    def update(self, credentials: Credentials) -> None:
        """Use another certificate and bundle from now on. Raises OSError, ssl.SSLError and keeps the last ones."""
        server = tls.server_context(
            credentials.chain_path, credentials.key_path, credentials.trust_bundle, alpn=[ALPN_H2, ALPN_OPAQUE]
        )
        server.verify_mode = ssl.CERT_OPTIONAL
        clients = {}
        for alpn in (ALPN_H2, ALPN_OPAQUE, ""):
            context = tls.client_context(
                credentials.trust_bundle,
                credentials.chain_path,
                credentials.key_path,
                alpn=[alpn] if alpn else None,
            )
            # The name is compared by verify_server: an identity is no host name, and wildcards must not match it.
            context.check_hostname = False
            clients[alpn] = context
        self._server, self._clients = server, clients
        self.identity = credentials.identity
        self.ready = True

    def server(self) -> ssl.SSLContext:
        """For a connection whose SNI is ours."""
        if self._server is None:
            raise RuntimeError("there is no certificate yet")
        return self._server

    def client(self, alpn: str) -> ssl.SSLContext:
        """For a connection to a meshed endpoint; `alpn` is ALPN_H2, ALPN_OPAQUE, or "" for as it comes."""
        if not self._clients:
            raise RuntimeError("there is no certificate yet")
        return self._clients[alpn]


def peer_names(connection: ssl.SSLObject) -> list[str]:
    """DNS and URI names of the peer's certificate, in its order; empty where it showed none."""
    certificate = cast("Mapping[str, object] | None", connection.getpeercert())
    if not certificate:
        return []
    names = cast("tuple[tuple[str, str], ...]", certificate.get("subjectAltName", ()))
    return [value for kind, value in names if kind in ("DNS", "URI")]


def client_identity(connection: ssl.SSLObject) -> str | None:
    """The name by which policy knows a client."""
    names = peer_names(connection)
    return names[0] if names else None

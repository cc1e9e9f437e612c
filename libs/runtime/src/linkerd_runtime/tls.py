"""TLS contexts: version 1.3 only, names always checked, certificates swapped on live listeners.

The bundle's certificates are anchors whether self-signed or not (X509_V_FLAG_PARTIAL_CHAIN), as in Linkerd's proxy.
Sessions are never resumed by servers: a resumed session would skip the check of a client certificate that has
ended meanwhile.
"""

import ssl


def server_context(
    chain_path: str, key_path: str, client_ca: str | None = None, *, alpn: list[str] | None = None
) -> ssl.SSLContext:
    """For a listener. `client_ca` is a PEM bundle: when given, clients must show a certificate that chains to it.

    Raises OSError (files), ssl.SSLError (their content).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    context.load_cert_chain(chain_path, key_path)
    if alpn:
        context.set_alpn_protocols(alpn)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=client_ca)
    return context


def client_context(
    trust_anchors: str,
    chain_path: str | None = None,
    key_path: str | None = None,
    *,
    alpn: list[str] | None = None,
) -> ssl.SSLContext:
    """For connections to a server whose chain must lead to `trust_anchors` (PEM).

    Its DNS SAN must be the connection's `server_hostname`; a common name never counts. Raises OSError, ssl.SSLError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=trust_anchors)
    if chain_path is not None:
        context.load_cert_chain(chain_path, key_path)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


class ReloadableServerContext:
    """A server context whose certificate and client CA change under a live listener.

    Give `context` to the listener. `swap` replaces what later handshakes use; open connections keep going. All
    contexts swapped in must agree with the first on whether clients show certificates: OpenSSL takes the
    verification mode before the hello is read.
    """

    def __init__(self, first: ssl.SSLContext) -> None:
        self._current = first
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.context.num_tickets = 0
        self.context.verify_mode = first.verify_mode
        self.context.sni_callback = self._select

    def swap(self, replacement: ssl.SSLContext) -> None:
        """Use `replacement` for every handshake from now on. Raises ValueError where the modes differ."""
        if replacement.verify_mode != self.context.verify_mode:
            raise ValueError("a context with another client verification mode cannot be swapped in")
        self._current = replacement

    def _select(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

"""What an accepted connection is: mTLS for us, TLS for the application, or plain; then what is spoken inside.

The first bytes are read and kept, not peeked: TLS is terminated from memory (transport/tls_stream.py), so a hello
that was read is simply the handshake's beginning, and no system call is spent on looking at it twice.
"""

import asyncio
import logging

from linkerd_contract.names import ALPN_H2, ALPN_OPAQUE
from linkerd_contract.outbound import Protocol
from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.codec.client_hello import Outcome, sni
from linkerd_proxy.codec.detect import Detected, detect
from linkerd_proxy.errors import DetectTimeout
from linkerd_proxy.http.detecting import Decide, FirstRead, Why
from linkerd_proxy.http.runtime import Runtime
from linkerd_proxy.inbound import client as clients
from linkerd_proxy.inbound.client import Client
from linkerd_proxy.inbound.serve import Serve
from linkerd_proxy.telemetry.labels import NoTls, render
from linkerd_proxy.transport.tls import client_identity
from linkerd_proxy.transport.tls_stream import TlsStream
from linkerd_rules.policy import PortRules

log = logging.getLogger(__name__)

MAX_HELLO = 16_384
OPAQUE_HELLO_SECONDS = 1.0
"""On opaque ports a client that says nothing may wait for the server to speak first: it is given that long to be a
peer proxy, which begins with a hello at once."""

_STALLED = (
    "the client %s said nothing for %gs on port %d, so it may wait for its server to speak first: "
    "if that is so, mark the port as opaque (config.linkerd.io/opaque-ports)"
)

_H2 = frozenset((Protocol.http2, Protocol.grpc))
_RESULTS = {Detected.HTTP1: "http/1", Detected.HTTP2: "http/2", Detected.OPAQUE: "not_http", Detected.EMPTY: "error"}


class Detection:
    """The detection of one accepted connection."""

    def __init__(self, runtime: Runtime, serve: Serve, addr: ClientAddr, dst: OrigDst, rules: PortRules) -> None:
        self._runtime = runtime
        self._serve = serve
        self._addr = addr
        self._dst = dst
        self._rules = rules
        self._timeout = rules.policy.detect_timeout_ms / 1000
        self._started = runtime.loop.time()

    def first(self) -> asyncio.Protocol:
        """The protocol with which the connection begins."""
        timeout = self._timeout
        if self._rules.protocol is Protocol.opaque:
            timeout = min(timeout, OPAQUE_HELLO_SECONDS)
        return FirstRead(self._runtime.wheel, timeout, self._on_hello, lambda: None)

    def _stalled(self) -> None:
        """Once for each port: clients of a server that speaks first would all wait so."""
        if self._dst.port not in self._serve.stalled:
            self._serve.stalled.add(self._dst.port)
            log.warning(_STALLED, self._addr, self._timeout, self._dst.port)

    # TLS.

    def _on_hello(self, transport: asyncio.Transport, data: bytes, why: Why) -> bool:
        if why is Why.timeout and self._rules.protocol is Protocol.opaque:
            self._plain(transport, data)
            return True
        if why is Why.timeout:
            self._runtime.metrics.inbound_errors.tcp.labels(DetectTimeout.label).value += 1
            log.info("%s said too little to %s to know what it speaks", self._addr, self._dst)
            self._stalled()
            return False
        if not data:
            return False
        hello = sni(data)
        if hello.outcome is Outcome.NEED_MORE and why is Why.data and len(data) < MAX_HELLO:
            return False
        if hello.outcome is not Outcome.HELLO:
            self._plain(transport, data)
        elif hello.server_name == self._runtime.tls.identity and self._runtime.tls.ready:
            self._terminate(transport, data)
        else:
            client = clients.passed_through(self._addr, self._dst, hello.server_name or "")
            self._serve.opaque(transport, client, data)
        return True

    def _terminate(self, transport: asyncio.Transport, data: bytes) -> None:
        timer = self._runtime.wheel.after(self._timeout, transport.abort)

        def done(stream: TlsStream, error: Exception | None) -> None:
            timer.cancel()
            if error is not None:
                self._runtime.metrics.inbound_errors.tcp.labels("tls").value += 1
                log.info("TLS handshake with %s: %s", self._addr, error)
                return
            identity = client_identity(stream.tls)
            client = clients.meshed(self._addr, self._dst, identity)
            self._secured(stream, client, stream.tls.selected_alpn_protocol())

        TlsStream(transport, self._runtime.tls.server(), self._runtime.turn, done).start(data)

    # Inside.

    def _secured(self, stream: TlsStream, client: Client, alpn: str | None) -> None:
        if alpn == ALPN_H2:
            self._serve.http(stream, client, Detected.HTTP2, b"")
        elif alpn == ALPN_OPAQUE or self._rules.protocol in (Protocol.opaque, Protocol.tls):
            self._serve.opaque(stream, client, b"")
        else:
            first = FirstRead(self._runtime.wheel, self._timeout, self._decider(client), lambda: None)
            stream.set_protocol(first)
            first.connection_made(stream)

    def _plain(self, transport: asyncio.Transport, data: bytes) -> None:
        protocol = self._rules.protocol
        if protocol is Protocol.opaque:
            client = clients.plain(self._addr, self._dst, NoTls.port_skipped)
            self._serve.opaque(transport, client, data)
            return
        reason = NoTls.no_tls_from_remote if self._runtime.tls.ready else NoTls.disabled
        client = clients.plain(self._addr, self._dst, reason)
        if protocol is Protocol.tls:
            self._serve.opaque(transport, client, data)
        elif protocol is Protocol.http1:
            self._serve.http(transport, client, Detected.HTTP1, data)
        elif protocol in _H2:
            self._serve.http(transport, client, Detected.HTTP2, data)
        else:
            self._decider(client)(transport, data, Why.data)

    def _decider(self, client: Client) -> Decide:
        def decide(transport: asyncio.Transport, data: bytes, why: Why) -> bool:
            metrics = self._runtime.metrics.inbound_detect
            server = render(client.server_labels(self._rules.policy.server))
            if self._rules.protocol in _H2:
                found = Detected.HTTP2
            elif why is Why.timeout:
                metrics.results.labels("read_timeout", base=server).value += 1
                if self._rules.protocol is not Protocol.http1:
                    self._stalled()
                # A meshed client of an HTTP/1 port may keep a connection ready without using it (Linkerd).
                found = Detected.HTTP1 if self._rules.protocol is Protocol.http1 else Detected.OPAQUE
            else:
                found = detect(data)
                metrics.results.labels(_RESULTS[found], base=server).value += 1
                metrics.duration.labels(base=server).observe(self._runtime.loop.time() - self._started)
            if found is Detected.EMPTY:
                return False
            if found is Detected.OPAQUE:
                self._serve.opaque(transport, client, data)
            else:
                self._serve.http(transport, client, found, data)
            return True

        return decide

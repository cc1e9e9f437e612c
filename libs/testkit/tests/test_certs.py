"""Certificates that TLS accepts, and ones that it must not."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest

from linkerd_contract.names import identity_name
from linkerd_runtime import tls
from linkerd_testkit.certs import Authority, certificate_request

WEB = identity_name("web", "emojivoto")


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A handshake in memory; the server's end. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    a = client.wrap_bio(to_client, to_server, server_hostname=name)
    b = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(5):
        for end in (a, b):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    a.do_handshake()
    b.do_handshake()
    return b


def test_mutual_tls(tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.workload("web", "emojivoto").write(tmp_path)
    server = tls.server_context(str(chain), str(key), authority.anchors)
    client = tls.client_context(authority.anchors, str(chain), str(key))
    peer = handshake(server, client, WEB).getpeercert()
    assert peer is not None
    assert peer["subjectAltName"] == (("DNS", WEB),)
    assert key.stat().st_mode & 0o077 == 0
    with pytest.raises(ssl.SSLError):
        handshake(server, client, identity_name("other", "emojivoto"))


def test_strangers_and_ended_certificates_are_refused(tmp_path: Path) -> None:
    authority, other = Authority(), Authority()
    chain, key = authority.leaf(WEB).write(tmp_path / "good")
    server = tls.server_context(str(chain), str(key))
    with pytest.raises(ssl.SSLError):
        handshake(server, tls.client_context(other.anchors), WEB)
    chain, key = authority.leaf(WEB, life=timedelta(minutes=-1)).write(tmp_path / "ended")
    ended = tls.server_context(str(chain), str(key))
    with pytest.raises(ssl.SSLError, match="expired"):
        handshake(ended, tls.client_context(authority.anchors), WEB)


def test_requests_are_signed(tmp_path: Path) -> None:
    authority = Authority()
    key_text, csr = certificate_request(WEB)
    chain_text, _ = authority.sign(csr)
    chain, key = tmp_path / "chain.pem", tmp_path / "key.p8"
    chain.write_text(chain_text)
    key.write_text(key_text)
    handshake(tls.server_context(str(chain), str(key)), tls.client_context(authority.anchors), WEB)
    with pytest.raises(ValueError, match=r"."):
        authority.sign("no CSR")

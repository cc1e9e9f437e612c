import ssl
from pathlib import Path

import pytest

from linkerd_proxy.transport.tls import TlsContexts
from linkerd_runtime.certify import Credentials
from linkerd_testkit.certs import Authority


def credentials(authority: Authority, identity: str, directory: Path) -> Credentials:
    leaf = authority.leaf(identity)
    chain, key = leaf.write(directory)
    return Credentials(identity, str(chain), str(key), authority.anchors, leaf.not_after.timestamp())


def test_there_is_nothing_before_the_first_certificate() -> None:
    contexts = TlsContexts()
    assert not contexts.ready
    with pytest.raises(RuntimeError):
        contexts.server()
    with pytest.raises(RuntimeError):
        contexts.client("h2")


def test_new_certificates_replace_contexts_and_bad_ones_do_not(tmp_path: Path) -> None:
    authority = Authority()
    contexts = TlsContexts()
    contexts.update(credentials(authority, "a.example", tmp_path / "a"))
    first = contexts.server()
    assert contexts.identity == "a.example"
    contexts.update(credentials(authority, "a.example", tmp_path / "b"))
    second = contexts.server()
    assert first is not second
    bad = credentials(authority, "a.example", tmp_path / "c")
    Path(bad.chain_path).write_text("garbage")
    with pytest.raises(OSError):
        contexts.update(bad)
    assert contexts.server() is second


def handshake(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """Both ends without a socket; the server's. Raises ssl.SSLError."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(to_client, to_server, server_hostname=name)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return theirs


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_sides_speak_tls_1_3_only(tmp_path: Path, version: ssl.TLSVersion) -> None:
    authority = Authority()
    contexts = TlsContexts()
    contexts.update(credentials(authority, "a.example", tmp_path / "a"))
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cadata=authority.anchors)
    chain, key = authority.leaf("a.example").write(tmp_path / "server")
    old_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old_server.load_cert_chain(chain, key)
    for context in (old, old_server):
        context.maximum_version = context.minimum_version = version
    if version is ssl.TLSVersion.TLSv1_3:
        assert handshake(old, contexts.server(), "a.example").version() == "TLSv1.3"
        assert handshake(contexts.client(""), old_server, "a.example").version() == "TLSv1.3"
    else:
        for client, server in ((old, contexts.server()), (contexts.client(""), old_server)):
            with pytest.raises(ssl.SSLError):
                handshake(client, server, "a.example")

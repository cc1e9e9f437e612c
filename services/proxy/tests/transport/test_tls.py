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

from linkerd_proxy.addrs import ClientAddr, OrigDst
from linkerd_proxy.inbound.client import meshed, passed_through, plain
from linkerd_proxy.telemetry import labels
from linkerd_runtime.settings import Addr

FROM, TO = ClientAddr(Addr("10.0.0.9", 1)), OrigDst(Addr("10.0.0.1", 80))


def test_labels_say_how_a_client_came() -> None:
    assert ("client_id", "me") in meshed(FROM, TO, "me").labels
    assert ("no_tls_reason", "no_tls_from_remote") in plain(FROM, TO).labels
    assert ("no_tls_reason", "port_skipped") in plain(FROM, TO, labels.NoTls.port_skipped).labels
    assert ("sni", "x") in passed_through(FROM, TO, "x").labels


def test_only_terminated_tls_counts_as_such() -> None:
    assert meshed(FROM, TO, None).tls
    assert meshed(FROM, TO, None).identity is None
    assert not plain(FROM, TO).tls
    assert not passed_through(FROM, TO, "x").tls

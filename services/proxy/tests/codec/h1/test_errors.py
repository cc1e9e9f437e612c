"""The error that carries a status."""

from linkerd_proxy.codec.h1.errors import H1Error


def test_statuses() -> None:
    assert H1Error("why").status == 400
    assert H1Error("why", 431).status == 431
    assert str(H1Error("why")) == "why"

"""The environment."""

import pytest

from linkerd_destination.settings import Settings
from linkerd_runtime.settings import BadSettings


def test_defaults() -> None:
    settings = Settings.read({})
    assert settings.identity == "linkerd-destination.linkerd.serviceaccount.identity.linkerd.cluster.local"
    assert settings.identity_name == "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local"
    assert settings.identity_addr == "linkerd-identity-headless.linkerd.svc.cluster.local.:8080"
    assert (settings.listen, settings.admin, settings.debug) == (
        ("0.0.0.0", 8086),
        ("0.0.0.0", 9990),
        ("127.0.0.1", 9991),
    )


def test_values() -> None:
    settings = Settings.read(
        {"LINKERD_NAMESPACE": "mesh", "LINKERD_TRUST_DOMAIN": "t", "LINKERD_CLUSTER_DOMAIN": "c.d", "POD_NAME": "p"}
    )
    assert settings.identity == "linkerd-destination.mesh.serviceaccount.identity.mesh.t"
    assert settings.cluster.cluster_domain == "c.d"
    assert settings.identity_addr == "linkerd-identity-headless.mesh.svc.c.d.:8080"


def test_every_bad_value_is_named() -> None:
    with pytest.raises(BadSettings) as error:
        Settings.read({"LINKERD_LISTEN_ADDR": "x", "LINKERD_LOG_FORMAT": "y", "LINKERD_LOG_LEVEL": "z"})
    assert [m.partition(":")[0] for m in error.value.messages] == [
        "LINKERD_LISTEN_ADDR",
        "LINKERD_LOG_LEVEL",
        "LINKERD_LOG_FORMAT",
    ]

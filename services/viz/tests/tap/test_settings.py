"""Settings of tap."""

import pytest

from linkerd_contract import names
from linkerd_runtime.settings import BadSettings
from linkerd_viz.tap.settings import from_env


def test_defaults_are_the_manifests_names() -> None:
    settings = from_env({})
    assert settings.identity == "tap.linkerd-viz.serviceaccount.identity.linkerd.cluster.local"
    assert settings.identity_addr == "linkerd-identity-headless.linkerd.svc.cluster.local.:8080"
    assert (settings.listen.port, settings.webhook.port, settings.tap_port) == (8089, 8443, names.PORT_TAP)


def test_elsewhere() -> None:
    settings = from_env({"POD_NAMESPACE": "v", "LINKERD_NAMESPACE": "l", "LINKERD_TRUST_DOMAIN": "d"})
    assert settings.identity == "tap.v.serviceaccount.identity.l.d"
    assert settings.identity_name == "linkerd-identity.l.serviceaccount.identity.l.d"


def test_every_bad_value_is_named() -> None:
    with pytest.raises(BadSettings) as bad:
        from_env({"LINKERD_LISTEN_ADDR": "x", "LINKERD_TAP_PORT": "-1", "LINKERD_LOG_LEVEL": "loud"})
    assert len(bad.value.messages) == 3

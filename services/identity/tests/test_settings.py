"""Settings."""

from datetime import timedelta

import pytest

from linkerd_identity.settings import Settings
from linkerd_runtime.settings import Addr, BadSettings


def test_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.listen == Addr("0.0.0.0", 8080)
    assert settings.admin == Addr("0.0.0.0", 9990)
    assert settings.server_name == "linkerd-identity.linkerd.serviceaccount.identity.linkerd.cluster.local"
    assert settings.lives.leaf == timedelta(hours=24)
    assert settings.lives.skew == timedelta(seconds=20)
    assert settings.lives_given == frozenset()


def test_variables() -> None:
    settings = Settings.from_env(
        {
            "LINKERD_NAMESPACE": "l5d",
            "LINKERD_CLUSTER_DOMAIN": "example.org",
            "LINKERD_IDENTITY_LEAF_LIFETIME": "60s",
            "POD_NAME": "identity-0",
        }
    )
    assert settings.server_name == "linkerd-identity.l5d.serviceaccount.identity.l5d.example.org"
    assert settings.lives.leaf == timedelta(minutes=1)
    assert settings.lives_given == {"leaf"}


def test_every_bad_value_at_once() -> None:
    with pytest.raises(BadSettings) as bad:
        Settings.from_env(
            {"LINKERD_LISTEN_ADDR": "x", "LINKERD_LOG_LEVEL": "loud", "LINKERD_IDENTITY_CLOCK_SKEW": "20"}
        )
    assert len(bad.value.messages) == 3

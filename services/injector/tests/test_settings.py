"""Settings."""

import pytest

from linkerd_injector.settings import Settings
from linkerd_runtime.settings import Addr, BadSettings


def test_defaults() -> None:
    settings = Settings.from_env({})
    assert (settings.listen, settings.admin) == (Addr("0.0.0.0", 8443), Addr("0.0.0.0", 9990))
    assert settings.certificate_life_ms == 365 * 86_400_000


def test_every_bad_value_at_once() -> None:
    with pytest.raises(BadSettings) as bad:
        Settings.from_env({"LINKERD_LISTEN_ADDR": "x", "LINKERD_WEBHOOK_CERTIFICATE_LIFETIME": "1 year"})
    assert len(bad.value.messages) == 2

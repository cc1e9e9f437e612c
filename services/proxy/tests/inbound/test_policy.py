import logging

import pytest
from services.proxy.tests.mesh import inbound_document

from linkerd_contract.watch import WatchCode, WatchError
from linkerd_proxy.inbound.policy import PolicyHolder
from linkerd_rules.policy import InboundPolicy, default_document


def test_the_default_holds_until_discovery_has_spoken(caplog: pytest.LogCaptureFixture) -> None:
    holder = PolicyHolder(default_document("deny", [], 5_000))
    default = holder.current
    assert default.port(80).policy.detect_timeout_ms == 5_000
    assert not default.port(80).authorize_tcp("10.0.0.1", None, False).allowed
    with caplog.at_level(logging.WARNING):
        holder.on_update(WatchError(WatchCode.unavailable, "away"))
    assert holder.current is default
    assert "away" in caplog.text
    update = InboundPolicy(inbound_document())
    holder.on_update(update)
    assert holder.current is update


def test_listeners_hear_of_changes_until_they_leave() -> None:
    holder = PolicyHolder(default_document("deny", [], 5_000))
    heard: list[int] = []

    def listener() -> None:
        heard.append(1)

    holder.listen(listener)
    holder.on_update(InboundPolicy(inbound_document()))
    holder.unlisten(listener)
    holder.on_update(InboundPolicy(inbound_document()))
    assert heard == [1]

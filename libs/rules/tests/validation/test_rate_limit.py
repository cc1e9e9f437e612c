"""Rate limits as they are read; what is refused is in test_registry."""

from linkerd_rules.validation.authorization import ServiceAccount
from linkerd_rules.validation.rate_limit import LimitOverride, read_rate_limit_policy, server_parent
from linkerd_rules.validation.route import Shown

TARGET = {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}


def test_a_policy() -> None:
    override = {"requestsPerSecond": 5, "clientRefs": [{"kind": "ServiceAccount", "name": "bot"}]}
    spec = {"targetRef": TARGET, "identity": {"requestsPerSecond": 2}, "overrides": [override]}
    reading = read_rate_limit_policy({"metadata": {"name": "l", "namespace": "ns"}, "spec": spec})
    assert reading.problems == []
    assert (reading.value.server, reading.value.total, reading.value.identity) == ("s", None, 2)
    assert reading.value.overrides == (LimitOverride(rate=5, accounts=(ServiceAccount("ns", "bot"),)),)


def test_an_override_above_the_total() -> None:
    override = {"requestsPerSecond": 5, "clientRefs": []}
    spec = {"targetRef": TARGET, "total": {"requestsPerSecond": 2}, "overrides": [override]}
    [problem] = read_rate_limit_policy({"metadata": {"name": "l"}, "spec": spec}).problems
    assert str(problem) == "spec.overrides[0].requestsPerSecond: must not be greater than total (2)"


def test_what_its_status_shows() -> None:
    conditions = [{"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": 3}]
    status = {"targetRef": {"group": "policy.linkerd.io", "kind": "Server", "name": "s"}, "conditions": conditions}
    document = {"metadata": {"name": "l", "namespace": "ns"}, "spec": {"targetRef": TARGET}, "status": status}
    parent = server_parent("ns", "s")
    assert read_rate_limit_policy(document).value.shown == (
        Shown(parent=parent, type="Accepted", status="True", reason="Accepted", generation=3),
    )
    for other in ({}, {"conditions": conditions}, 7):
        assert read_rate_limit_policy({**document, "status": other}).value.shown == ()

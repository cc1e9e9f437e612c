"""Annotations that cannot be used are named."""

import pytest

from linkerd_destination.index.objects import Namespace, Object, Pod, Service, Slice
from linkerd_destination.watch import lint
from linkerd_rules.validation.meta import Meta
from linkerd_rules.validation.rate_limit import RateLimitPolicy


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (Namespace(name="ns", opaque_ports="80", default_inbound_policy="deny"), []),
        (Namespace(name="ns", default_inbound_policy="x"), ["config.linkerd.io/default-inbound-policy: 'x'"]),
        (Service(namespace="ns", name="s", opaque_ports="9-1"), ["config.linkerd.io/opaque-ports: '9-1'"]),
        (Slice(namespace="ns", name="s", service="s"), []),
        (
            Pod(namespace="ns", name="p", opaque_ports="0", skip_inbound_ports="-", require_identity_ports="70000"),
            [
                "config.linkerd.io/opaque-ports: ",
                "config.linkerd.io/skip-inbound-ports: ",
                "config.linkerd.io/proxy-require-identity-inbound-ports: ",
            ],
        ),
    ],
)
def test_problems(obj: Object, expected: list[str]) -> None:
    found = lint.problems(obj)
    assert len(found) == len(expected)
    assert all(message.startswith(start) for (_, message), start in zip(found, expected, strict=True))
    assert {reason for reason, _ in found} <= {"InvalidAnnotation"}


def test_an_object_that_has_no_effect() -> None:
    limit = RateLimitPolicy(meta=Meta(namespace="ns", name="r", uid="u"), unusable="spec: limits nothing")
    assert lint.problems(limit) == [("Unreadable", "not used: spec: limits nothing")]
    assert lint.uid_of(limit) == "u"
    assert lint.uid_of(Service(namespace="ns", name="s", uid="v")) == "v"
    assert lint.uid_of(Slice(namespace="ns", name="s", service="s")) == ""

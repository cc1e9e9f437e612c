"""Annotations that cannot be used are named."""

import pytest

from linkerd_destination.index.objects import Namespace, Object, Pod, Service, Slice
from linkerd_destination.watch import lint


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
    assert all(message.startswith(start) for message, start in zip(found, expected, strict=True))

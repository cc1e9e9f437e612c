"""Who is injected: the table of annotations, and what in a spec stands against it."""

import pytest

from linkerd_rules.injection import SkipReason
from linkerd_rules.injection.skip import asked_of_cli, asked_of_webhook, has_sidecar, has_udp_ports, obstacles

R = SkipReason


@pytest.mark.parametrize(
    ("pod", "namespace", "reason", "at"),
    [
        (None, None, R.ANNOTATION_ABSENT, ""),
        (None, "enabled", None, "namespace"),
        (None, "ingress", None, "namespace"),
        (None, "disabled", R.ANNOTATION_ABSENT, "namespace"),
        (None, "yes", R.INVALID_AT_NAMESPACE, "namespace"),
        ("enabled", None, None, "workload"),
        ("enabled", "disabled", None, "workload"),
        ("ingress", "disabled", None, "workload"),
        ("disabled", "enabled", R.ANNOTATION_DISABLED, "workload"),
        ("true", "enabled", R.INVALID_AT_WORKLOAD, "workload"),
        ("enabled", "yes", R.INVALID_AT_NAMESPACE, "namespace"),
        ("", "enabled", None, "namespace"),
    ],
)
def test_webhook(pod: str | None, namespace: str | None, reason: SkipReason | None, at: str) -> None:
    key = "linkerd.io/inject"
    asked = asked_of_webhook({key: pod} if pod is not None else {}, {key: namespace} if namespace is not None else {})
    assert (asked.reason, asked.at) == (reason, at)


@pytest.mark.parametrize("value", [None, "enabled", "ingress", "anything"])
def test_cli_injects_unless_disabled(value: str | None) -> None:
    assert asked_of_cli({"linkerd.io/inject": value} if value else {}).reason is None


def test_cli_obeys_disabled() -> None:
    assert asked_of_cli({"linkerd.io/inject": "disabled"}).reason is R.ANNOTATION_DISABLED


@pytest.mark.parametrize(
    "spec",
    [
        {"containers": [{"name": "linkerd-proxy"}]},
        {"containers": [{"name": "istio-proxy"}]},
        {"containers": [{"name": "x", "image": "cr.l5d.io/linkerd/proxy:stable-2.11.1"}]},
        {"containers": [{"name": "x", "image": "gcr.io/istio-release/proxyv2:1.0"}]},
        {"initContainers": [{"name": "linkerd-proxy", "restartPolicy": "Always"}]},
        {"initContainers": [{"name": "linkerd-init"}]},
        {"initContainers": [{"name": "x", "image": "cr.l5d.io/linkerd/proxy-init:v2.4.0"}]},
    ],
)
def test_a_sidecar_of_any_mesh(spec: dict[str, object]) -> None:
    assert has_sidecar(spec)
    assert obstacles(spec) == (R.SIDECAR_EXISTS,)


def test_obstacles_add_up() -> None:
    assert obstacles({"hostNetwork": True, "containers": [{"name": "linkerd-proxy"}]}) == (
        R.HOST_NETWORK,
        R.SIDECAR_EXISTS,
    )
    assert obstacles({"hostNetwork": False, "containers": [{"name": "app", "image": "linkerd/proxy-like"}]}) == ()


def test_udp() -> None:
    assert has_udp_ports({"containers": [{"ports": [{"containerPort": 53, "protocol": "UDP"}]}]})
    assert not has_udp_ports({"containers": [{"ports": [{"containerPort": 53, "protocol": "TCP"}]}]})


def test_every_reason_has_linkerds_words() -> None:
    assert {reason.message for reason in R} >= {"hostNetwork is enabled", "pod has a sidecar injected already"}

"""Whether a pod is injected, and if not, why: Linkerd's reasons, word for word."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from linkerd_contract.names import ANNOTATION_INJECT, INIT_CONTAINER, PROXY_CONTAINER
from linkerd_rules.injection.tree import JsonObject, objects, text

ENABLED = frozenset({"enabled", "ingress"})
DISABLED = "disabled"

_SIDECARS = frozenset({PROXY_CONTAINER, "istio-proxy"})
_SIDECAR_IMAGES = ("cr.l5d.io/linkerd/proxy:", "gcr.io/istio-release/proxyv2:")
_INIT_CONTAINERS = frozenset({INIT_CONTAINER, "istio-init"})
_INIT_IMAGES = ("cr.l5d.io/linkerd/proxy-init:", "gcr.io/istio-release/proxy_init:")


class SkipReason(StrEnum):
    """Values are the `skip_reason` metric label."""

    HOST_NETWORK = "host_network_enabled"
    SIDECAR_EXISTS = "sidecar_already_exists"
    UNSUPPORTED_RESOURCE = "unsupported_resource"
    ANNOTATION_ABSENT = "injection_enable_annotation_absent"
    ANNOTATION_DISABLED = "injection_disable_annotation_present"
    INVALID_AT_WORKLOAD = "invalid_inject_annotation_at_workload"
    INVALID_AT_NAMESPACE = "invalid_inject_annotation_at_ns"

    @property
    def message(self) -> str:
        """For people."""
        return _MESSAGES[self]


_MESSAGES = {
    SkipReason.HOST_NETWORK: "hostNetwork is enabled",
    SkipReason.SIDECAR_EXISTS: "pod has a sidecar injected already",
    SkipReason.UNSUPPORTED_RESOURCE: "this resource kind is unsupported",
    SkipReason.ANNOTATION_ABSENT: (
        f'neither the namespace nor the pod have the annotation "{ANNOTATION_INJECT}:enabled"'
    ),
    SkipReason.ANNOTATION_DISABLED: f'pod has the annotation "{ANNOTATION_INJECT}:disabled"',
    SkipReason.INVALID_AT_WORKLOAD: f'invalid value for annotation "{ANNOTATION_INJECT}" at workload',
    SkipReason.INVALID_AT_NAMESPACE: f'invalid value for annotation "{ANNOTATION_INJECT}" at namespace',
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the inject annotations say. `at` is where the one that decided stands: "workload", "namespace" or ""."""

    reason: SkipReason | None
    at: str


def asked_of_webhook(pod: Mapping[str, str], namespace: Mapping[str, str]) -> Asked:
    """The pod decides; where it says nothing, the namespace does; where neither does, no."""
    on_pod, on_namespace = pod.get(ANNOTATION_INJECT, ""), namespace.get(ANNOTATION_INJECT, "")
    if on_namespace and on_namespace not in ENABLED and on_namespace != DISABLED:
        return Asked(SkipReason.INVALID_AT_NAMESPACE, "namespace")
    if on_pod in ENABLED:
        return Asked(None, "workload")
    if on_pod == DISABLED:
        return Asked(SkipReason.ANNOTATION_DISABLED, "workload")
    if on_pod:
        return Asked(SkipReason.INVALID_AT_WORKLOAD, "workload")
    if on_namespace in ENABLED:
        return Asked(None, "namespace")
    return Asked(SkipReason.ANNOTATION_ABSENT, "namespace" if on_namespace else "")


def asked_of_cli(pod: Mapping[str, str]) -> Asked:
    """Whoever runs `linkerd inject` wants it, unless the pod itself says no."""
    if pod.get(ANNOTATION_INJECT) == DISABLED:
        return Asked(SkipReason.ANNOTATION_DISABLED, "workload")
    return Asked(None, "workload")


def obstacles(spec: JsonObject) -> tuple[SkipReason, ...]:
    """What in a pod's spec keeps it from being injected. Raises Malformed."""
    reasons = []
    if spec.get("hostNetwork") is True:
        reasons.append(SkipReason.HOST_NETWORK)
    if has_sidecar(spec):
        reasons.append(SkipReason.SIDECAR_EXISTS)
    return tuple(reasons)


def has_sidecar(spec: JsonObject) -> bool:
    """Whether a mesh's proxy or its init step is there already, ours or another's. Raises Malformed."""
    inits = objects(spec, "initContainers", "spec")
    for container in (*objects(spec, "containers", "spec"), *inits):
        if text(container, "name") in _SIDECARS or text(container, "image").startswith(_SIDECAR_IMAGES):
            return True
    return any(
        text(container, "name") in _INIT_CONTAINERS or text(container, "image").startswith(_INIT_IMAGES)
        for container in inits
    )


def has_udp_ports(spec: JsonObject) -> bool:
    """Whether a container declares a UDP port: not proxied, so worth a warning. Raises Malformed."""
    return any(
        port.get("protocol") == "UDP"
        for container in objects(spec, "containers", "spec")
        for port in objects(container, "ports", "spec.containers")
    )

"""Defaults of services, configuration, access and webhooks. PURE."""

import base64

from linkerd_sandbox.apiserver.objects import JsonObject, dig, dig_list, dig_map

_AFFINITY_SECONDS = 10800
_RBAC = "rbac.authorization.k8s.io"


def service(body: JsonObject) -> None:
    """A Service."""
    spec = body.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        config = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        config.setdefault("timeoutSeconds", _AFFINITY_SECONDS)
    for port in dig_list(spec, "ports"):
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort") and "port" in port:
            port["targetPort"] = port["port"]
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer") or spec.get("externalIPs"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def endpoints(body: JsonObject) -> None:
    """Endpoints."""
    for subset in dig_list(body, "subsets"):
        for port in dig_list(subset, "ports"):
            port.setdefault("protocol", "TCP")


def endpoint_slice(body: JsonObject) -> None:
    """An EndpointSlice."""
    body.setdefault("endpoints", [])
    for port in dig_list(body, "ports"):
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def secret(body: JsonObject) -> None:
    """A Secret: `stringData` is for writing only."""
    body.setdefault("type", "Opaque")
    text = body.pop("stringData", None)
    if isinstance(text, dict):
        data = body.setdefault("data", {})
        for key, value in text.items():
            data[key] = base64.b64encode(str(value).encode()).decode()


def binding(body: JsonObject) -> None:
    """A RoleBinding or ClusterRoleBinding."""
    reference = body.get("roleRef")
    if isinstance(reference, dict):
        reference.setdefault("apiGroup", _RBAC)
    for subject in dig_list(body, "subjects"):
        if subject.get("kind") in ("User", "Group"):
            subject.setdefault("apiGroup", _RBAC)


def webhooks(body: JsonObject) -> None:
    """A MutatingWebhookConfiguration or ValidatingWebhookConfiguration."""
    mutating = body.get("kind") == "MutatingWebhookConfiguration"
    for webhook in dig_list(body, "webhooks"):
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        if mutating:
            webhook.setdefault("reinvocationPolicy", "Never")
        target = dig(webhook, "clientConfig", "service")
        if isinstance(target, dict):
            target.setdefault("port", 443)
        for rule in dig_list(webhook, "rules"):
            rule.setdefault("scope", "*")


def api_service(body: JsonObject) -> None:
    """An APIService."""
    target = dig(body, "spec", "service")
    if isinstance(target, dict):
        target.setdefault("port", 443)


def network_policy(body: JsonObject) -> None:
    """A NetworkPolicy."""
    spec = body.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for direction in ("ingress", "egress"):
        for rule in dig_list(spec, direction):
            for port in dig_list(rule, "ports"):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if dig_list(spec, "egress") else ["Ingress"]


def autoscaler(body: JsonObject) -> None:
    """A HorizontalPodAutoscaler."""
    spec = body.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _quantities(amounts: JsonObject) -> None:
    amounts.update({key: str(value) for key, value in amounts.items() if isinstance(value, int)})


def resource_quota(body: JsonObject) -> None:
    """A ResourceQuota."""
    _quantities(dig_map(body, "spec", "hard"))


def limit_range(body: JsonObject) -> None:
    """A LimitRange: a container's limit is its default, and that its default request."""
    for limit in dig_list(body, "spec", "limits"):
        for key in ("default", "defaultRequest", "max", "maxLimitRequestRatio", "min"):
            _quantities(dig_map(limit, key))
        if limit.get("type") != "Container":
            continue
        default = {**dig_map(limit, "max"), **dig_map(limit, "default")}
        request = {**default, **dig_map(limit, "min"), **dig_map(limit, "defaultRequest")}
        limit.update({key: value for key, value in (("default", default), ("defaultRequest", request)) if value})


def priority_class(body: JsonObject) -> None:
    """A PriorityClass."""
    body.setdefault("preemptionPolicy", "PreemptLowerPriority")


def node(body: JsonObject) -> None:
    """A Node: allocatable is the capacity where nothing else is said."""
    status = dig_map(body, "status")
    if status.get("capacity"):
        status.setdefault("allocatable", dict(status["capacity"]))


def event(body: JsonObject) -> None:
    """An Event."""
    if body.get("involvedObject") is None:
        body["involvedObject"] = {}
    body.setdefault("source", {})
    body.setdefault("reportingComponent", dig(body, "source", "component") or "")
    body.setdefault("reportingInstance", dig(body, "source", "host") or "")
    body.setdefault("type", "Normal")

"""Required fields and closed sets of values, by walking an object with its schema. PURE.

Go structs cannot tell a missing number, list or struct from a zero one, so only what the server's own checks call
required counts: strings and structs of the schema's `required`, and ports.
"""

from collections.abc import Mapping

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue
from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation.causes import required, unsupported

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")
_WEBHOOK = {
    "failurePolicy": ("Fail", "Ignore"),
    "matchPolicy": ("Equivalent", "Exact"),
    "sideEffects": ("None", "NoneOnDryRun"),
}

_CHOICES: dict[str, Mapping[str, tuple[str, ...]]] = {
    "Container": {
        "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
        "terminationMessagePolicy": ("FallbackToLogsOnError", "File"),
    },
    "ContainerPort": {"protocol": _PROTOCOLS},
    "PodDisruptionBudgetSpec": {"unhealthyPodEvictionPolicy": ("AlwaysAllow", "IfHealthyBudget")},
    "PriorityClass": {"preemptionPolicy": ("PreemptLowerPriority", "Never")},
    "CronJobSpec": {"concurrencyPolicy": ("Allow", "Forbid", "Replace")},
    "DaemonSetUpdateStrategy": {"type": ("OnDelete", "RollingUpdate")},
    "DeploymentStrategy": {"type": ("Recreate", "RollingUpdate")},
    "EmptyDirVolumeSource": {"medium": ("", "HugePages", "Memory")},
    "EndpointPort": {"protocol": _PROTOCOLS},
    "EndpointSlice": {"addressType": ("FQDN", "IPv4", "IPv6")},
    "HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    "JobSpec": {"completionMode": ("NonIndexed", "Indexed")},
    "MutatingWebhook": {**_WEBHOOK, "reinvocationPolicy": ("IfNeeded", "Never")},
    "NetworkPolicyPort": {"protocol": ("TCP", "UDP", "SCTP")},
    "NetworkPolicySpec": {"policyTypes": ("Ingress", "Egress")},
    "PodSpec": {
        "dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
        "restartPolicy": ("Always", "OnFailure", "Never"),
    },
    "RoleRef": {"kind": ("Role", "ClusterRole"), "apiGroup": ("rbac.authorization.k8s.io",)},
    "RuleWithOperations": {
        "operations": ("*", "CONNECT", "CREATE", "DELETE", "UPDATE"),
        "scope": ("*", "Cluster", "Namespaced"),
    },
    "SeccompProfile": {"type": ("Localhost", "RuntimeDefault", "Unconfined")},
    "ServicePort": {"protocol": _PROTOCOLS},
    "ServiceSpec": {
        "externalTrafficPolicy": _POLICIES,
        "internalTrafficPolicy": _POLICIES,
        "ipFamilyPolicy": ("PreferDualStack", "RequireDualStack", "SingleStack"),
        "sessionAffinity": ("ClientIP", "None"),
        "type": ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    },
    "StatefulSetSpec": {"podManagementPolicy": ("OrderedReady", "Parallel")},
    "StatefulSetUpdateStrategy": {"type": ("OnDelete", "RollingUpdate")},
    "Subject": {"kind": ("ServiceAccount", "User", "Group")},
    "Toleration": {
        "effect": ("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
        "operator": ("", "Equal", "Exists"),
    },
    "ValidatingWebhook": _WEBHOOK,
}  # fmt: skip
_PORTS = {("ContainerPort", "containerPort"), ("ServicePort", "port")}
_NOT_REQUIRED = {
    ("RoleBinding", "roleRef"),
    ("ClusterRoleBinding", "roleRef"),
    ("RoleRef", "kind"),
    ("HTTPIngressPath", "pathType"),
    ("HorizontalPodAutoscalerSpec", "scaleTargetRef"),
    ("CrossVersionObjectReference", "kind"),
    ("CrossVersionObjectReference", "name"),
    ("NetworkPolicySpec", "podSelector"),
    ("Event", "involvedObject"),
    ("Event", "metadata"),
}
_SKIPPED = ("status", "metadata")


def check(value: JsonValue, node: Node, path: str = "") -> list[Cause]:
    """Missing fields and values outside their sets."""
    if isinstance(value, list):
        items = node.items()
        if items is None:
            return []
        return [cause for index, item in enumerate(value) for cause in check(item, items, f"{path}[{index}]")]
    if not isinstance(value, dict):
        return []
    causes = _check_required(value, node, path) if node.name else []
    choices = _CHOICES.get(node.go_name, {})
    for key, item in value.items():
        if not path and key in _SKIPPED:
            continue
        here = f"{path}.{key}" if path else key
        allowed = choices.get(key)
        if allowed is not None:
            given = list(enumerate(item)) if isinstance(item, list) else [(None, item)]
            for index, choice in given:
                if choice not in allowed:
                    causes.append(
                        unsupported(here if index is None else f"{here}[{index}]", choice, filter(None, allowed))
                    )
        child = node.child(key)
        if child is not None:
            causes += check(item, child, here)
    return causes


def _check_required(value: JsonObject, node: Node, path: str) -> list[Cause]:
    causes: list[Cause] = []
    for key in node.required:
        if value.get(key) not in (None, "") or (node.go_name, key) in _NOT_REQUIRED:
            continue
        child = node.child(key)
        if child is None:
            continue
        if (
            child.type in ("string", "object")
            or (node.go_name, key) in _PORTS
            or child.schema.get("format") == "int-or-string"
        ):
            if key in value and (node.go_name, key) == ("EnvVar", "value"):
                continue
            causes.append(required(f"{path}.{key}" if path else key))
    return causes

"""Fields given with their zero value (`false`, `0`, `""`, `[]`, `{}`) that the server does not keep. PURE.

Kubernetes decodes objects into Go structs: a field that is `omitempty` and no pointer is then the same whether it was
left out or given as zero, and is not written again. The schemas say which fields are always written (`required`) and
which are maps and structs, not which are pointers. So lists, maps and strings go unless the tables keep them;
booleans and numbers, most of which are pointers, stay unless `_PLAIN` names them. Source: the types.go of
k8s.io/api and apiextensions, compared with a real kube-apiserver in differential.yaml.
"""

from typing import Final

from linkerd_sandbox.apiserver.objects import JsonObject, JsonValue
from linkerd_sandbox.apiserver.schemas import Node

_PLAIN: Final = frozenset(
    [
        "active",
        "availableReplicas",
        "currentReplicas",
        "deprecated",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "failed",
        "failureThreshold",
        "fullyLabeledReplicas",
        "generation",
        "healthCheckNodePort",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostPort",
        "initialDelaySeconds",
        "insecureSkipTLSVerify",
        "minReadySeconds",
        "nodePort",
        "nullable",
        "numberAvailable",
        "numberUnavailable",
        "observedGeneration",
        "paused",
        "periodSeconds",
        "preserveUnknownFields",
        "publishNotReadyAddresses",
        "readOnly",
        "readyReplicas",
        "replicas",
        "stdin",
        "stdinOnce",
        "succeeded",
        "successThreshold",
        "timeoutSeconds",
        "tty",
        "unavailableReplicas",
        "uniqueItems",
        "unschedulable",
        "updatedNumberScheduled",
        "updatedReplicas",
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
    ]
)
"""Booleans and numbers that are no pointers."""
_POINTERS: Final = frozenset(
    [
        "appProtocol",
        "completionMode",
        "failurePolicy",
        "fsGroupChangePolicy",
        "ingressClassName",
        "internalTrafficPolicy",
        "ipFamilyPolicy",
        "loadBalancerClass",
        "matchPolicy",
        "mountPropagation",
        "pathType",
        "preemptionPolicy",
        "procMount",
        "reinvocationPolicy",
        "runtimeClassName",
        "scope",
        "sideEffects",
        "storageClassName",
        "timeZone",
        "url",
        "volumeMode",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
    ]
)
"""Strings that are."""
_KEPT: Final = frozenset(
    [
        "CSIVolumeSource.readOnly",
        "ClientIPConfig.timeoutSeconds",
        "ClusterRole.rules",
        "CustomResourceDefinitionStatus.conditions",
        "CustomResourceDefinitionStatus.storedVersions",
        "DeploymentSpec.replicas",
        "Endpoint.hostname",
        "Endpoint.nodeName",
        "Endpoint.zone",
        "EndpointPort.name",
        "EndpointPort.protocol",
        "EndpointSlice.ports",
        "HostPathVolumeSource.type",
        "LeaseSpec.holderIdentity",
        "MutatingWebhook.timeoutSeconds",
        "ReplicaSetSpec.replicas",
        "ReplicationControllerSpec.replicas",
        "Role.rules",
        "ServiceReference.path",
        "ServiceSpec.clusterIP",
        "StatefulSetSpec.replicas",
        "StatefulSetStatus.availableReplicas",
        "ValidatingWebhook.timeoutSeconds",
    ]
)
"""Fields of single structs: pointers, or neither `required` nor `omitempty`, whatever the name means elsewhere."""


def dropped(body: JsonObject, node: Node) -> JsonObject:
    """The object without them, as far as its schema goes; `body` is changed."""
    struct = "properties" in node.schema
    for name, value in list(body.items()):
        child = node.child(name)
        if child is None:
            continue
        if struct and not value and _goes(node, name, value, child):
            del body[name]
        else:
            _below(value, child)
    return body


def _below(value: JsonValue, node: Node) -> None:
    if isinstance(value, dict):
        dropped(value, node)
    elif isinstance(value, list) and (items := node.items()) is not None:
        for item in value:
            _below(item, items)


def _goes(node: Node, name: str, value: JsonValue, child: Node) -> bool:
    """Whether an empty field of a struct is not written."""
    if value is None or name in node.required or f"{node.go_name}.{name}" in _KEPT:
        return False
    match value:
        case str():
            return child.type == "string" and name not in _POINTERS
        case list():
            return True
        case dict():
            return "additionalProperties" in child.schema and "properties" not in child.schema
    return name in _PLAIN

"""Which checks belong to which kind. PURE."""

from collections.abc import Callable

from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject, dig_map
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.validation import cluster, fields, kept, meta, pods, scheduling, signing, workloads
from linkerd_sandbox.apiserver.validation.causes import invalid

Check = Callable[[JsonObject, JsonObject | None], list[Cause]]

_CHECKS: dict[str, Check] = {
    "pods": pods.pod,
    "podtemplates": workloads.pod_template,
    "services": cluster.service,
    "configmaps": cluster.config_map,
    "endpoints": cluster.endpoints,
    "leases.coordination.k8s.io": cluster.lease,
    "secrets": cluster.secret,
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "statefulsets.apps": workloads.stateful_set,
    "daemonsets.apps": workloads.daemon_set,
    "jobs.batch": workloads.job,
    "cronjobs.batch": workloads.cron_job,
    "poddisruptionbudgets.policy": workloads.disruption_budget,
    "events": cluster.event,
    "networkpolicies.networking.k8s.io": cluster.network_policy,
    "nodes": scheduling.node,
    "horizontalpodautoscalers.autoscaling": kept.autoscaler,
    "ingresses.networking.k8s.io": kept.ingress,
    "priorityclasses.scheduling.k8s.io": scheduling.priority_class,
    "certificatesigningrequests.certificates.k8s.io": signing.signing_request,
    "endpointslices.discovery.k8s.io": cluster.endpoint_slice,
    "roles.rbac.authorization.k8s.io": cluster.role,
    "clusterroles.rbac.authorization.k8s.io": cluster.role,
    "rolebindings.rbac.authorization.k8s.io": cluster.binding,
    "clusterrolebindings.rbac.authorization.k8s.io": cluster.binding,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": cluster.webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": cluster.webhooks,
}


def counts(body: JsonObject) -> list[Cause]:
    """Numbers of a status that are below nothing."""
    found = dig_map(body, "status").items()
    why = "must be greater than or equal to 0"
    return [
        invalid(f"status.{key}", value, why)
        for key, value in found
        if isinstance(value, int) and not isinstance(value, bool) and value < 0
    ]


def validate(kind: ResourceType, body: JsonObject, old: JsonObject | None) -> list[Cause]:
    """What is wrong with an object of a built-in kind, or with its change from `old`."""
    causes = meta.metadata(kind, body)
    node = of_kind(kind.group, kind.version, kind.kind)
    if node is not None:
        causes += fields.check(body, node)
    check = _CHECKS.get(kind.qualified)
    if check is not None:
        causes += check(body, old)
    return list(dict.fromkeys(causes))

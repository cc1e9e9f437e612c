"""Which function fills in the defaults of which kind. PURE."""

from collections.abc import Callable

from linkerd_sandbox.apiserver.defaults import cluster, pods, workloads
from linkerd_sandbox.apiserver.objects import JsonObject

_DEFAULTS: dict[str, Callable[[JsonObject], None]] = {
    "pods": pods.pod,
    "podtemplates": workloads.pod_template,
    "services": cluster.service,
    "endpoints": cluster.endpoints,
    "secrets": cluster.secret,
    "nodes": cluster.node,
    "events": cluster.event,
    "deployments.apps": workloads.deployment,
    "replicasets.apps": workloads.replica_set,
    "statefulsets.apps": workloads.stateful_set,
    "daemonsets.apps": workloads.daemon_set,
    "jobs.batch": workloads.job,
    "cronjobs.batch": workloads.cron_job,
    "endpointslices.discovery.k8s.io": cluster.endpoint_slice,
    "networkpolicies.networking.k8s.io": cluster.network_policy,
    "rolebindings.rbac.authorization.k8s.io": cluster.binding,
    "clusterrolebindings.rbac.authorization.k8s.io": cluster.binding,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": cluster.webhooks,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": cluster.webhooks,
    "apiservices.apiregistration.k8s.io": cluster.api_service,
    "horizontalpodautoscalers.autoscaling": cluster.autoscaler,
    "limitranges": cluster.limit_range,
    "resourcequotas": cluster.resource_quota,
    "priorityclasses.scheduling.k8s.io": cluster.priority_class,
}


def fill(bucket: str, body: JsonObject) -> None:
    """Fill in the defaults of an object of the kind, in place."""
    function = _DEFAULTS.get(bucket)
    if function is not None:
        function(body)

"""Rules of the kinds: one place that says which defaults, first status, allocations and checks a kind has. PURE."""

from linkerd_sandbox.apiserver import crds, defaults, fieldcheck, structural, validation, zeros
from linkerd_sandbox.apiserver.defaults import pods, workloads
from linkerd_sandbox.apiserver.kinds import ResourceType
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.schemas import of_kind
from linkerd_sandbox.apiserver.services import ServiceAddresses
from linkerd_sandbox.apiserver.status import Cause
from linkerd_sandbox.apiserver.store import Store
from linkerd_sandbox.apiserver.validation import pods as validate_pods

_CRDS = "customresourcedefinitions.apiextensions.k8s.io"


class Rules:
    """Dispatches to the rules of each kind."""

    def __init__(self, store: Store, service_cidr: str) -> None:
        self.services = ServiceAddresses(store, service_cidr)

    def defaulted(self, kind: ResourceType, body: JsonObject) -> JsonObject:
        """The object with its defaults, and without zero values that are not kept; `body` may be changed."""
        if kind.custom:
            structural.defaulted(body, kind.custom.node)
            return body
        if (node := of_kind(kind.group, kind.version, kind.kind)) is not None:
            body = zeros.dropped(body, node)
        if kind.qualified == _CRDS:
            return crds.defaulted(body)
        defaults.fill(kind.qualified, body)
        return body

    def created(self, kind: ResourceType, body: JsonObject) -> JsonObject:
        """A new object with its first status."""
        match kind.qualified:
            case "namespaces":
                body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = body["metadata"]["name"]
                body["spec"] = {"finalizers": ["kubernetes"]}
                body["status"] = {"phase": "Active"}
            case "pods":
                body["status"] = pods.first_status(body)
            case "services" | "ingresses.networking.k8s.io":
                body["status"] = {"loadBalancer": {}}
            case "certificatesigningrequests.certificates.k8s.io":
                body["status"] = {}
            case "horizontalpodautoscalers.autoscaling":
                body["status"] = {"desiredReplicas": 0, "currentMetrics": None}
            case "jobs.batch":
                workloads.job_selector(body)
                body["status"] = {}
            case "deployments.apps" | "cronjobs.batch" | "daemonsets.apps":
                body["status"] = {}
            case "poddisruptionbudgets.policy":
                counted = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
                body["status"] = dict.fromkeys(counted, 0)
            case "replicasets.apps":
                body["status"] = {"replicas": 0}
            case "statefulsets.apps":
                body["status"] = {"replicas": 0, "availableReplicas": 0}
        return body

    def allocated(self, kind: ResourceType, body: JsonObject, old: JsonObject | None) -> JsonObject:
        """The object with what the server hands out (ClusterIPs), and with every field that Go always writes."""
        if kind.qualified == "services":
            return self.services.allocated(body, old)
        if kind.qualified in _POPULATED:
            node = of_kind(kind.group, kind.version, kind.kind)
            status = node.child("status") if node else None
            if status is not None and isinstance(body.get("status"), dict):
                body["status"] = fieldcheck.populate(body["status"], status)
        return body

    def validate(
        self, kind: ResourceType, body: JsonObject, old: JsonObject | None, subresource: str = ""
    ) -> list[Cause]:
        """What is wrong with an object."""
        if kind.custom:
            causes = validation.metadata(kind, body)
            return causes + structural.validate(body, kind.custom.node)
        if kind.qualified == _CRDS:
            return crds.validate(body)
        if subresource == "status":
            return validation.counts(body)
        if subresource in ("finalize", "binding"):
            return []
        if subresource == "ephemeralcontainers":
            return validate_pods.ephemeral(body, old or {})
        return validation.validate(kind, body, old)


_POPULATED = {"pods", "nodes", "replicasets.apps", "statefulsets.apps", "daemonsets.apps"}
"""Kinds whose status has required fields, which typed clients refuse to miss."""

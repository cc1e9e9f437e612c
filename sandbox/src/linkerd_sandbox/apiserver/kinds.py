"""The resource types that the API serves: the built-in table, and the registry that CRDs add to. PURE.

Names, short names and categories are Kubernetes 1.32's. Kinds that nothing here would act upon (resource quotas,
autoscalers) are not served: an object that is accepted and then ignored is worse than a clear 404. Those that kubectl
takes for granted (`apply --prune` and `cluster-info dump` list them) are served empty, and nothing of them can be made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from linkerd_sandbox.apiserver.objects import JsonObject, api_version, dig

if TYPE_CHECKING:
    from linkerd_sandbox.apiserver.crds import CustomKind

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)
READ_ONLY = ("get", "list", "watch")
"""Of kinds that are listed, always empty, and cannot be created."""
NO_COLLECTION = tuple(verb for verb in ALL_VERBS if verb != "deletecollection")


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One served resource of one version."""

    group: str
    version: str
    plural: str
    kind: str
    singular: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    generation: bool = False
    """Whether metadata.generation counts changes of the spec."""
    custom: "CustomKind | None" = field(default=None, compare=False)

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1`."""
        return api_version(self.group, self.version)

    @property
    def qualified(self) -> str:
        """`deployments.apps`, or `pods`: the name in messages, and of the bucket in the store."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def listable(self) -> bool:
        """Whether objects of it are stored."""
        return "list" in self.verbs


def _type(
    group_version: str,
    kind: str,
    plural: str,
    *,
    short: str = "",
    categories: str = "",
    sub: str = "",
    cluster: bool = False,
    verbs: tuple[str, ...] = ALL_VERBS,
    generation: bool = False,
) -> ResourceType:
    group, _, version = group_version.rpartition("/")
    return ResourceType(
        group=group,
        version=version,
        plural=plural,
        kind=kind,
        singular=kind.lower(),
        namespaced=not cluster,
        short_names=tuple(short.split()),
        categories=tuple(categories.split()),
        subresources=tuple(sub.split()),
        verbs=verbs,
        generation=generation,
    )


SCALE = _type("autoscaling/v1", "Scale", "scales", verbs=CREATE_ONLY)
"""What the subresource `scale` is shown as; served nowhere else."""
BUILT_IN: tuple[ResourceType, ...] = (
    _type("v1", "Binding", "bindings", verbs=CREATE_ONLY),
    _type("v1", "ConfigMap", "configmaps", short="cm"),
    _type("v1", "Endpoints", "endpoints", short="ep"),
    _type("v1", "Event", "events", short="ev"),
    _type("v1", "LimitRange", "limitranges", short="limits"),
    _type("v1", "Namespace", "namespaces", short="ns", sub="status finalize", cluster=True, verbs=NO_COLLECTION),
    _type("v1", "Node", "nodes", short="no", sub="status", cluster=True),
    _type(
        "v1",
        "Pod",
        "pods",
        short="po",
        categories="all",
        sub="status binding eviction log portforward exec attach ephemeralcontainers proxy",
    ),
    _type("v1", "PersistentVolume", "persistentvolumes", short="pv", cluster=True, verbs=READ_ONLY),
    _type("v1", "PersistentVolumeClaim", "persistentvolumeclaims", short="pvc", verbs=READ_ONLY),
    _type("v1", "PodTemplate", "podtemplates", generation=True),
    _type("v1", "ReplicationController", "replicationcontrollers", short="rc", categories="all", verbs=READ_ONLY),
    _type("v1", "ResourceQuota", "resourcequotas", short="quota", sub="status"),
    _type("v1", "Secret", "secrets"),
    _type("v1", "ServiceAccount", "serviceaccounts", short="sa", sub="token"),
    _type("v1", "Service", "services", short="svc", categories="all", sub="status proxy"),
    _type(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        categories="api-extensions",
        cluster=True,
        generation=True,
    ),
    _type(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        categories="api-extensions",
        cluster=True,
        generation=True,
    ),
    _type(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        short="crd crds",
        categories="api-extensions",
        sub="status",
        cluster=True,
        generation=True,
    ),
    _type(
        "apiregistration.k8s.io/v1",
        "APIService",
        "apiservices",
        categories="api-extensions",
        sub="status",
        cluster=True,
    ),
    _type("apps/v1", "ControllerRevision", "controllerrevisions"),
    _type("apps/v1", "DaemonSet", "daemonsets", short="ds", categories="all", sub="status", generation=True),
    _type(
        "apps/v1", "Deployment", "deployments", short="deploy", categories="all", sub="status scale", generation=True
    ),
    _type("apps/v1", "ReplicaSet", "replicasets", short="rs", categories="all", sub="status scale", generation=True),
    _type("apps/v1", "StatefulSet", "statefulsets", short="sts", categories="all", sub="status scale", generation=True),
    _type("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", cluster=True, verbs=CREATE_ONLY),
    _type("authentication.k8s.io/v1", "TokenReview", "tokenreviews", cluster=True, verbs=CREATE_ONLY),
    _type("authorization.k8s.io/v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=CREATE_ONLY),
    _type(
        "authorization.k8s.io/v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        cluster=True,
        verbs=CREATE_ONLY,
    ),
    _type(
        "authorization.k8s.io/v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", cluster=True, verbs=CREATE_ONLY
    ),
    _type("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", cluster=True, verbs=CREATE_ONLY),
    _type(
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short="hpa",
        categories="all",
        sub="status",
    ),
    _type(
        "autoscaling/v1",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        short="hpa",
        categories="all",
        sub="status",
    ),
    _type("batch/v1", "CronJob", "cronjobs", short="cj", categories="all", sub="status", generation=True),
    _type("batch/v1", "Job", "jobs", categories="all", sub="status", generation=True),
    _type(
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        short="csr",
        sub="status approval",
        cluster=True,
    ),
    _type("coordination.k8s.io/v1", "Lease", "leases"),
    _type("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", generation=True),
    _type("networking.k8s.io/v1", "IngressClass", "ingressclasses", cluster=True, generation=True),
    _type("networking.k8s.io/v1", "Ingress", "ingresses", short="ing", sub="status", generation=True),
    _type("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", short="netpol", generation=True),
    _type("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", short="pdb", sub="status", generation=True),
    _type("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", cluster=True),
    _type("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", cluster=True),
    _type("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings"),
    _type("rbac.authorization.k8s.io/v1", "Role", "roles"),
    _type("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", short="pc", cluster=True, generation=True),
)

SUBRESOURCE_KINDS: dict[tuple[str, str], tuple[str, str, str, tuple[str, ...]]] = {
    ("pods", "binding"): ("", "v1", "Binding", CREATE_ONLY),
    ("pods", "eviction"): ("policy", "v1", "Eviction", CREATE_ONLY),
    ("pods", "log"): ("", "v1", "Pod", ("get",)),
    ("pods", "portforward"): ("", "v1", "PodPortForwardOptions", ("create", "get")),
    ("pods", "exec"): ("", "v1", "PodExecOptions", ("create", "get")),
    ("pods", "attach"): ("", "v1", "PodAttachOptions", ("create", "get")),
    ("pods", "proxy"): ("", "v1", "PodProxyOptions", ("create", "delete", "get", "patch", "update")),
    ("services", "proxy"): ("", "v1", "ServiceProxyOptions", ("create", "delete", "get", "patch", "update")),
    ("serviceaccounts", "token"): ("authentication.k8s.io", "v1", "TokenRequest", CREATE_ONLY),
    ("namespaces", "finalize"): ("", "v1", "Namespace", ("update",)),
}
"""(plural, subresource) -> group, version, kind and verbs, where they are not those of the resource itself."""

_COMMON_FIELDS = ("metadata.name", "metadata.namespace")
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
        "reason", "reportingComponent", "source", "type",
    ),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "jobs.batch": ("status.successful",),
}  # fmt: skip


def selectable(kind: ResourceType) -> tuple[str, ...]:
    """Paths that a field selector may name for this kind."""
    extra = kind.custom.selectable if kind.custom else _FIELDS.get(kind.qualified, ())
    return _COMMON_FIELDS + extra


def not_selectable(kind: ResourceType, path: str) -> str:
    """Why a field selector may not name the path."""
    if kind.qualified in _FIELDS:
        return f"field label not supported: {path}"
    listed = ", ".join(f'"{known}"' for known in selectable(kind))
    return f'"{path}" is not a known field selector: only {listed}'


def field_values(kind: ResourceType, body: JsonObject) -> dict[str, str]:
    """What field selectors see of an object; a missing field is the empty string, as in Kubernetes."""
    values: dict[str, str] = {}
    for path in selectable(kind):
        if path == "source":
            found = dig(body, "source", "component") or dig(body, "reportingComponent")
        else:
            found = dig(body, *path.split("."))
        if found is None:
            values[path] = "false" if path in ("spec.hostNetwork", "spec.unschedulable") else ""
        elif isinstance(found, bool):
            values[path] = "true" if found else "false"
        else:
            values[path] = str(found)
    return values


class Registry:
    """Every resource type that is served now: built in, and of established CRDs."""

    def __init__(self) -> None:
        self._types: dict[tuple[str, str, str], ResourceType] = {}
        self.changes = 0
        """Grows at every change, so that derived documents know when they are stale."""
        for kind in BUILT_IN:
            self._add(kind)

    def _add(self, kind: ResourceType) -> None:
        self._types[(kind.group, kind.version, kind.plural)] = kind

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """The type at a path, or None."""
        return self._types.get((group, version, plural))

    def by_kind(self, group: str, version: str, kind: str) -> ResourceType | None:
        """The type of a kind, or None."""
        for found in self._types.values():
            if found.kind == kind and found.group == group and found.version == version:
                return found
        return None

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(tuple(self._types.values()))

    def versions(self, bucket: str) -> list[ResourceType]:
        """Every served version of one resource."""
        return [kind for kind in self._types.values() if kind.qualified == bucket]

    def set_custom(self, crd_name: str, kinds: list[ResourceType]) -> None:
        """Serve exactly `kinds` for the CRD of that name (`plural.group`)."""
        for key in [key for key, kind in self._types.items() if kind.custom and kind.qualified == crd_name]:
            del self._types[key]
        for kind in kinds:
            self._add(kind)
        self.changes += 1

"""What a cluster holds before anybody writes to it.

Namespaces, basic roles, the Service `kubernetes`, the CA's ConfigMap.
"""

from linkerd_sandbox.apiserver.aggregation import config_data
from linkerd_sandbox.apiserver.objects import JsonObject
from linkerd_sandbox.apiserver.resources import Resources
from linkerd_sandbox.apiserver.validation.scheduling import SYSTEM_PRIORITIES

_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_LABELS = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_EDITABLE = {
    "": ["configmaps", "endpoints", "events", "pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy",
         "secrets", "serviceaccounts", "services", "services/proxy"],
    "apps": ["daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
             "statefulsets/scale"],
    "batch": ["cronjobs", "jobs"],
    "coordination.k8s.io": ["leases"],
    "autoscaling": ["horizontalpodautoscalers"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
}  # fmt: skip
_VIEWABLE = {
    "": ["configmaps", "endpoints", "events", "limitranges", "namespaces", "pods", "pods/log", "pods/status",
         "resourcequotas", "serviceaccounts", "services", "services/status"],
    "apps": ["controllerrevisions", *_EDITABLE["apps"]],
    "batch": _EDITABLE["batch"],
    "coordination.k8s.io": ["leases"],
    "discovery.k8s.io": ["endpointslices"],
    "autoscaling": ["horizontalpodautoscalers"],
    "networking.k8s.io": ["ingresses", "networkpolicies"],
    "policy": ["poddisruptionbudgets"],
}  # fmt: skip
_DISCOVERY = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
]
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_ISSUER = [
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
]


def _rules(resources: dict[str, list[str]], verbs: list[str]) -> list[JsonObject]:
    return [{"apiGroups": [group], "resources": names, "verbs": verbs} for group, names in resources.items()]


def _urls(urls: list[str]) -> list[JsonObject]:
    return [{"nonResourceURLs": urls, "verbs": ["get"]}]


def _roles() -> dict[str, list[JsonObject]]:
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    reviews = {
        "authorization.k8s.io": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        "authentication.k8s.io": ["selfsubjectreviews"],
    }
    delegator = {"authentication.k8s.io": ["tokenreviews"], "authorization.k8s.io": ["subjectaccessreviews"]}
    edit = [*_rules(_VIEWABLE, _READ), *_rules({"": ["secrets"]}, _READ), *_rules(_EDITABLE, _WRITE)]
    token = _rules({"": ["serviceaccounts/token", "pods/eviction"]}, ["create"])
    access = _rules({_RBAC: ["rolebindings", "roles"]}, [*_READ, *_WRITE])
    return {
        "cluster-admin": everything,
        "admin": [*edit, *token, *access],
        "edit": [*edit, *token],
        "view": _rules(_VIEWABLE, _READ),
        "system:auth-delegator": _rules(delegator, ["create"]),
        "system:basic-user": _rules(reviews, ["create"]),
        "system:discovery": _urls(_DISCOVERY),
        "system:public-info-viewer": _urls(_PUBLIC),
        "system:service-account-issuer-discovery": _urls(_ISSUER),
    }


def _priorities(put: "_Put") -> None:
    why = {
        "system-cluster-critical": "Used for system critical pods that must run in the cluster, but can be moved to "
        "another node if necessary.",
        "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
    }
    for name, value in SYSTEM_PRIORITIES.items():
        body = {"metadata": {"name": name}, "value": value, "description": why[name]}
        put("scheduling.k8s.io", "priorityclasses", body)


def _group(name: str) -> JsonObject:
    return {"kind": "Group", "apiGroup": _RBAC, "name": name}


_BINDINGS = {
    "cluster-admin": [_group("system:masters")],
    "system:basic-user": [_group("system:authenticated")],
    "system:discovery": [_group("system:authenticated")],
    "system:public-info-viewer": [_group("system:authenticated"), _group("system:unauthenticated")],
    "system:service-account-issuer-discovery": [_group("system:serviceaccounts")],
}


def _access(put: "_Put") -> None:
    for name, rules in _roles().items():
        put(_RBAC, "clusterroles", {"metadata": {"name": name, "labels": dict(_LABELS)}, "rules": rules})
    for name, subjects in _BINDINGS.items():
        reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": name}
        meta = {"name": name, "labels": dict(_LABELS)}
        put(_RBAC, "clusterrolebindings", {"metadata": meta, "roleRef": reference, "subjects": subjects})
    reader = "extension-apiserver-authentication-reader"
    rule = {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["extension-apiserver-authentication"],
        "verbs": _READ,
    }
    meta = {"name": reader, "namespace": "kube-system", "labels": dict(_LABELS)}
    put(_RBAC, "roles", {"metadata": meta, "rules": [rule]})


class _Put:
    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def __call__(self, group: str, plural: str, body: JsonObject) -> None:
        kind = self._resources.registry.find(group, "v1", plural)
        assert kind is not None, plural
        self._resources.put_directly(kind, body)


def bootstrap(
    resources: Resources, ca_pem: str, front_proxy_pem: str, api_address: str, advertise: tuple[str, int]
) -> None:
    """Write the first objects: `api_address` is the ClusterIP of the API, `advertise` where it really listens."""
    put = _Put(resources)
    for name in _NAMESPACES:
        put("", "namespaces", {"metadata": {"name": name}})
    _access(put)
    _priorities(put)
    put("", "configmaps", {
        "metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"},
        "data": {"client-ca-file": ca_pem, **config_data(front_proxy_pem)},
    })  # fmt: skip
    meta: JsonObject = {"name": "kubernetes", "namespace": "default"}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": advertise[1]}
    put("", "services", {
        "metadata": {**meta, "labels": labels},
        "spec": {"type": "ClusterIP", "clusterIP": api_address, "ports": [port]},
    })  # fmt: skip
    subset = {
        "addresses": [{"ip": advertise[0]}],
        "ports": [{"name": "https", "port": advertise[1], "protocol": "TCP"}],
    }
    skip = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    put("", "endpoints", {"metadata": {**meta, "labels": skip}, "subsets": [subset]})
    put("discovery.k8s.io", "endpointslices", {
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kubernetes"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [advertise[0]], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": advertise[1], "protocol": "TCP"}],
    })  # fmt: skip

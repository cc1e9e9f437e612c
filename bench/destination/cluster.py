"""A cluster as bytes: objects written from templates when they are asked for, of the size that real ones have."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

PER_SERVICE = 10
NAMESPACES = 100
NODES = 1000
ZONES = 3
DOMAIN = "svc.cluster.local"
# What a real object carries and nobody here reads: managed fields of a controller and of the kubelet.
_FIELDS = ",".join(f'"f:field{n}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}' for n in range(12))
_MANAGER = f'"operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{{{_FIELDS}}}'
_MANAGED = f'"managedFields":[{{"manager":"one",{_MANAGER}}},{{"manager":"two",{_MANAGER}}}]'
_ENV = ",".join(f'{{"name":"LINKERD2_PROXY_SETTING_{n}","value":"value of setting {n}"}}' for n in range(30))


@dataclass(frozen=True)
class Collection:
    """`count` objects under a path."""

    count: int
    item: Callable[[int], str]


def namespace_of(service: int) -> str:
    """Of a Service and its pods."""
    return f"ns-{service % NAMESPACES}"


def service_ip(service: int) -> str:
    """Its ClusterIP."""
    return f"10.96.{service >> 8}.{service & 255}"


def pod_ip(pod: int) -> str:
    """Of the pod `service * PER_SERVICE + k`."""
    return f"172.{16 + (pod >> 16)}.{(pod >> 8) & 255}.{pod & 255}"


class Cluster:
    """All collections of a cluster of so many Services; policies are half as many."""

    def __init__(self, services: int) -> None:
        self.services = services
        pods = services * PER_SERVICE
        policy, gateway = "/apis/policy.linkerd.io/", "/apis/gateway.networking.k8s.io/"
        tenth = services // 20
        self.collections = {
            "/api/v1/namespaces": Collection(NAMESPACES, _namespace),
            "/api/v1/nodes": Collection(NODES, _node),
            "/api/v1/services": Collection(services, _service),
            "/api/v1/pods": Collection(pods, _pod),
            "/apis/discovery.k8s.io/v1/endpointslices": Collection(services, lambda n: slice_of(n, PER_SERVICE, 1)),
            f"{policy}v1beta3/servers": Collection(3 * tenth, _server),
            f"{policy}v1alpha1/authorizationpolicies": Collection(3 * tenth, _authorization),
            f"{policy}v1alpha1/meshtlsauthentications": Collection(tenth, _mesh_tls),
            f"{policy}v1beta3/httproutes": Collection(tenth, _route),
            "/apis/linkerd.io/v1alpha2/serviceprofiles": Collection(tenth, _profile),
            "/apis/split.smi-spec.io/v1alpha2/trafficsplits": Collection(tenth, _split),
        }
        self.absent = {f"{gateway}v1/httproutes", f"{gateway}v1beta1/httproutes", f"{gateway}v1/grpcroutes"}

    @property
    def policies(self) -> int:
        """How many custom resources there are."""
        return sum(c.count for path, c in self.collections.items() if "linkerd.io" in path or "smi-spec" in path)


def _meta(namespace: str, name: str, more: str = "") -> str:
    uid = f'"uid":"{_uid(namespace, name)}"'
    where = f'"namespace":"{namespace}",' if namespace else ""
    created = '"resourceVersion":"1","creationTimestamp":"2026-01-01T00:00:00Z","generation":1'
    return f'"metadata":{{"name":"{name}",{where}{uid},{created}{more}}}'


def _uid(namespace: str, name: str) -> str:
    return f"{zlib.crc32(f'{namespace}/{name}'.encode()):036x}"


def _namespace(n: int) -> str:
    return f"{{{_meta('', f'ns-{n}')}}}"


def _node(n: int) -> str:
    zone = f',"labels":{{"topology.kubernetes.io/zone":"z{n % ZONES}","kubernetes.io/hostname":"node-{n}"}}'
    return f"{{{_meta('', f'node-{n}', zone)}}}"


def _service(n: int) -> str:
    ports = '"ports":[{"name":"http","port":80,"targetPort":"http","protocol":"TCP"}]'
    ip = service_ip(n)
    return (
        f"{{{_meta(namespace_of(n), f'svc-{n}', f',{_MANAGED}')},"
        f'"spec":{{"clusterIP":"{ip}","clusterIPs":["{ip}"],"type":"ClusterIP","selector":{{"app":"svc-{n}"}},{ports}}},'
        '"status":{"loadBalancer":{}}}'
    )


def _pod(n: int) -> str:
    service = n // PER_SERVICE
    labels = (
        f'"labels":{{"app":"svc-{service}","pod-template-hash":"5d4f8c7b9","linkerd.io/control-plane-ns":"linkerd",'
        f'"linkerd.io/proxy-deployment":"svc-{service}","linkerd.io/workload-ns":"{namespace_of(service)}"}}'
    )
    owner = (
        f'"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"svc-{service}-5d4f8c7b9",'
        '"uid":"00000000-0000-0000-0000-000000000000","controller":true,"blockOwnerDeletion":true}]'
    )
    annotations = '"annotations":{"linkerd.io/created-by":"linkerd/proxy-injector","linkerd.io/proxy-version":"x"}'
    proxy = (
        f'{{"name":"linkerd-proxy","image":"proxy:1","restartPolicy":"Always","env":[{_ENV}],'
        '"ports":[{"name":"linkerd-proxy","containerPort":4143},{"name":"linkerd-admin","containerPort":4191}]}'
    )
    app = (
        '{"name":"app","image":"app:1","ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],'
        '"readinessProbe":{"httpGet":{"path":"/ready","port":"http"}},"resources":{"requests":{"cpu":"100m"}}}'
    )
    ip = pod_ip(n)
    more = f",{labels},{annotations},{owner},{_MANAGED}"
    return (
        f"{{{_meta(namespace_of(service), f'svc-{service}-{n}', more)},"
        f'"spec":{{"nodeName":"node-{n % NODES}","serviceAccountName":"svc-{service}","initContainers":[{proxy}],'
        f'"containers":[{app}]}},"status":{{"phase":"Running","podIP":"{ip}","podIPs":[{{"ip":"{ip}"}}],'
        f'"hostIP":"192.168.{(n % NODES) >> 8}.{n & 255}","conditions":[{{"type":"Ready","status":"True"}}]}}}}'
    )


def slice_of(service: int, endpoints: int, version: int) -> str:
    """The EndpointSlice of a Service, with its first `endpoints` pods."""
    namespace = namespace_of(service)
    found = ",".join(
        f'{{"addresses":["{pod_ip(pod)}"],"conditions":{{"ready":true,"serving":true,"terminating":false}},'
        f'"nodeName":"node-{pod % NODES}","zone":"z{pod % NODES % ZONES}",'
        f'"targetRef":{{"kind":"Pod","namespace":"{namespace}","name":"svc-{service}-{pod}",'
        f'"uid":"{_uid(namespace, f"svc-{service}-{pod}")}"}}}}'
        for pod in range(service * PER_SERVICE, service * PER_SERVICE + endpoints)
    )
    meta = _meta(namespace, f"svc-{service}-x", f',"labels":{{"kubernetes.io/service-name":"svc-{service}"}}')
    meta = meta.replace('"resourceVersion":"1"', f'"resourceVersion":"{version}"')
    ports = '"ports":[{"name":"http","port":8080,"protocol":"TCP"}]'
    return f'{{{meta},"addressType":"IPv4",{ports},"endpoints":[{found}]}}'


def _server(n: int) -> str:
    selector = f'"podSelector":{{"matchLabels":{{"app":"svc-{n}"}}}}'
    return f'{{{_meta(namespace_of(n), f"svc-{n}-http")},"spec":{{{selector},"port":"http","proxyProtocol":"HTTP/2"}}}}'


def _authorization(n: int) -> str:
    target = f'"targetRef":{{"group":"policy.linkerd.io","kind":"Server","name":"svc-{n}-http"}}'
    required = f'"requiredAuthenticationRefs":[{{"kind":"ServiceAccount","name":"svc-{n + 1}"}}]'
    return f'{{{_meta(namespace_of(n), f"svc-{n}")},"spec":{{{target},{required}}}}}'


def _mesh_tls(n: int) -> str:
    return f'{{{_meta(namespace_of(n), f"auth-{n}")},"spec":{{"identities":["*"]}}}}'


def _route(n: int) -> str:
    """Of a Service that no proxy of this run watches; accepted already."""
    service = n * 10 + 3
    namespace = namespace_of(service)
    ref = f'{{"group":"","kind":"Service","namespace":"{namespace}","name":"svc-{service}","port":80}}'
    conditions = ",".join(
        f'{{"type":"{kind}","status":"True","reason":"{kind}","message":"","observedGeneration":1,'
        '"lastTransitionTime":"2026-01-01T00:00:00Z"}'
        for kind in ("Accepted", "ResolvedRefs")
    )
    status = f'{{"parentRef":{ref},"controllerName":"linkerd.io/policy-controller","conditions":[{conditions}]}}'
    match = '[{"path":{"type":"PathPrefix","value":"/api"}}]'
    return (
        f'{{{_meta(namespace, f"route-{n}")},"spec":{{"parentRefs":[{ref}],'
        f'"rules":[{{"matches":{match}}}]}},"status":{{"parents":[{status}]}}}}'
    )


def _profile(n: int) -> str:
    service = n * 10 + 5
    condition = '{"method":"GET","pathRegex":"/api/[^/]*"}'
    name = f"svc-{service}.{namespace_of(service)}.{DOMAIN}"
    return (
        f'{{{_meta(namespace_of(service), name)},"spec":{{"routes":[{{"name":"GET /api","condition":{condition},'
        '"isRetryable":true,"timeout":"1s"}]}}'
    )


def _split(n: int) -> str:
    service = n * 10 + 7
    leaves = f'[{{"service":"svc-{service}","weight":"900m"}},{{"service":"svc-{service}-v2","weight":"100m"}}]'
    return f'{{{_meta(namespace_of(service), f"split-{n}")},"spec":{{"service":"svc-{service}","backends":{leaves}}}}}'

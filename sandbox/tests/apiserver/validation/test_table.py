"""Validation: one small mistake each, and the cause that names it."""

import base64
import copy
from typing import Any

import pytest
import yaml
from sandbox.tests.apiserver.test_signing import ask

from linkerd_sandbox.apiserver import defaults
from linkerd_sandbox.apiserver.kinds import BUILT_IN, ResourceType
from linkerd_sandbox.apiserver.validation import validate

ASKED = base64.b64encode(ask("jane").request).decode()
GOOD: dict[str, dict[str, Any]] = {
    body["kind"]: body
    for body in yaml.safe_load_all(
        """
kind: Pod
metadata: {name: p, labels: {app: web}}
spec:
  containers:
  - name: c
    image: i:1
    ports: [{name: http, containerPort: 80}]
    env: [{name: A, value: b}]
    resources: {limits: {cpu: 100m}, requests: {cpu: 50m}}
    readinessProbe: {httpGet: {port: http}}
    volumeMounts: [{name: v, mountPath: /v}]
  initContainers: [{name: i, image: i:1}]
  volumes: [{name: v, emptyDir: {}}]
---
kind: Deployment
metadata: {name: d}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i:1}]}
---
kind: Service
metadata: {name: s}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80}, {name: https, port: 443}]
---
kind: Secret
metadata: {name: s}
data: {a: YQ==}
---
kind: ClusterRole
metadata: {name: "system:x"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
---
kind: ClusterRoleBinding
metadata: {name: b}
roleRef: {kind: ClusterRole, name: r}
subjects: [{kind: ServiceAccount, name: s, namespace: n}]
---
kind: MutatingWebhookConfiguration
metadata: {name: w}
webhooks:
- name: a.b.c
  admissionReviewVersions: [v1]
  sideEffects: None
  clientConfig: {service: {name: s, namespace: n}}
  rules: [{operations: [CREATE], apiGroups: [""], apiVersions: [v1], resources: [pods]}]
---
kind: Job
metadata: {name: j}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i:1}]}}}
---
kind: CronJob
metadata: {name: j}
spec:
  schedule: "* * * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i:1}]}}}}
---
kind: StatefulSet
metadata: {name: s}
spec:
  serviceName: s
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: i:1}]}
---
kind: PodDisruptionBudget
metadata: {name: p}
spec: {minAvailable: 1}
---
kind: ConfigMap
metadata: {name: c}
data: {a: b}
---
kind: Node
metadata: {name: n}
spec: {taints: [{key: k, value: v, effect: NoSchedule}, {key: k, value: v, effect: NoExecute}]}
---
kind: PriorityClass
metadata: {name: p}
value: 1000
---
kind: Event
metadata: {name: e, namespace: default}
involvedObject: {kind: Node, name: n}
---
kind: NetworkPolicy
metadata: {name: n}
spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}
---
kind: Ingress
metadata: {name: i}
spec:
  rules:
  - host: "*.a.b"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}
---
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}}
---
kind: CertificateSigningRequest
metadata: {name: r}
spec: {request: ASKED, signerName: a.b/c, usages: [client auth]}
---
kind: EndpointSlice
metadata: {name: e}
addressType: IPv4
endpoints: [{addresses: [10.0.0.1]}]
""".replace("ASKED", ASKED)
    )
}


def _kind(name: str) -> ResourceType:
    return next(kind for kind in BUILT_IN if kind.kind == name and kind.listable)


def _filled(name: str) -> dict[str, Any]:
    body = copy.deepcopy(GOOD[name])
    defaults.fill(_kind(name).qualified, body)
    return body


@pytest.mark.parametrize("name", GOOD)
def test_good_objects_have_nothing_wrong(name: str) -> None:
    body = _filled(name)
    assert validate(_kind(name), body, None) == []
    assert validate(_kind(name), body, body) == []


def _set(body: Any, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        body = body[int(part)] if part.isdigit() else body[part]
    if value is None:
        del body[last]
    elif isinstance(body, list):
        body[int(last)] = value
    else:
        body[last] = value


C = "spec.containers[0]"
ROUTE = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("name", "path", "value", "field", "message"),
    [
        ("Pod", "metadata.name", "P", "metadata.name", "a lowercase RFC 1123 subdomain must consist of"),
        ("Pod", "metadata.labels", {"a b": "c"}, "metadata.labels", "name part must consist of"),
        ("Pod", "metadata.labels", {"a": "c d"}, "metadata.labels", "a valid label must be an empty string or"),
        ("Pod", "metadata.annotations", {"/x": "c"}, "metadata.annotations", "prefix part must be non-empty"),
        ("Pod", "metadata.finalizers", ["x y"], "metadata.finalizers", "name part must"),
        ("Pod", "metadata.finalizers", ["x"], "metadata.finalizers[0]", "nor is it fully qualified"),
        ("Pod", "metadata.ownerReferences", [{"kind": "A"}], "metadata.ownerReferences.uid", "must not be empty"),
        ("Pod", "spec.containers", [], "spec.containers", "Required value"),
        ("Pod", "spec.containers.0.name", None, f"{C}.name", "Required value"),
        ("Pod", "spec.containers.0.name", "C", f"{C}.name", "a lowercase RFC 1123 label must consist of"),
        ("Pod", "spec.containers.0.name", "i", "spec.initContainers[0].name", 'Duplicate value: "i"'),
        ("Pod", "spec.containers.0.image", None, f"{C}.image", "Required value"),
        ("Pod", "spec.containers.0.image", " i", f"{C}.image", "must not have leading or trailing whitespace"),
        (
            "Pod",
            "spec.containers.0.ports.0.containerPort",
            70000,
            f"{C}.ports[0].containerPort",
            "must be between 1 and 65535",
        ),
        ("Pod", "spec.containers.0.ports.0.name", "a_b", f"{C}.ports[0].name", "must contain only alpha-numeric"),
        (
            "Pod",
            "spec.containers.0.ports.0.protocol",
            "ICMP",
            f"{C}.ports[0].protocol",
            'supported values: "SCTP", "TCP", "UDP"',
        ),
        ("Pod", "spec.containers.0.env.0.name", "A=B", f"{C}.env[0].name", "a valid environment variable name must"),
        (
            "Pod",
            "spec.containers.0.env.0.valueFrom",
            {"fieldRef": {"fieldPath": "x"}},
            f"{C}.env[0].valueFrom",
            "may not be specified when `value`",
        ),
        (
            "Pod",
            "spec.containers.0.resources.limits.cpu",
            "-1",
            f"{C}.resources.limits[cpu]",
            "greater than or equal to 0",
        ),
        (
            "Pod",
            "spec.containers.0.resources.limits.cpu",
            "10m",
            f"{C}.resources.requests",
            "must be less than or equal to cpu limit of 10m",
        ),
        ("Pod", "spec.containers.0.readinessProbe.httpGet", None, f"{C}.readinessProbe", "must specify a handler type"),
        (
            "Pod",
            "spec.containers.0.readinessProbe.exec",
            {"command": ["x"]},
            f"{C}.readinessProbe.httpGet",
            "may not specify more than 1 handler",
        ),
        (
            "Pod",
            "spec.containers.0.readinessProbe.httpGet.port",
            0,
            f"{C}.readinessProbe.httpGet.port",
            "must be between 1 and 65535",
        ),
        ("Pod", "spec.containers.0.volumeMounts.0.name", "w", f"{C}.volumeMounts[0].name", 'Not found: "w"'),
        (
            "Pod",
            "spec.containers.0.restartPolicy",
            "Always",
            f"{C}.restartPolicy",
            "may not be set for non-init containers",
        ),
        (
            "Pod",
            "spec.initContainers.0.restartPolicy",
            "Never",
            "spec.initContainers[0].restartPolicy",
            'supported values: "Always"',
        ),
        (
            "Pod",
            "spec.initContainers.0.readinessProbe",
            {"tcpSocket": {"port": 1}},
            "spec.initContainers[0].readinessProbe",
            "without restartPolicy=Always",
        ),
        ("Pod", "spec.volumes.0.name", "V", "spec.volumes[0].name", "a lowercase RFC 1123 label"),
        (
            "Pod",
            "spec.volumes.0.hostPath",
            {"path": "/"},
            "spec.volumes[0].hostPath",
            "may not specify more than 1 volume type",
        ),
        ("Pod", "spec.restartPolicy", "Often", "spec.restartPolicy", "Unsupported value"),
        (
            "Pod",
            "spec.activeDeadlineSeconds",
            0,
            "spec.activeDeadlineSeconds",
            "must be between 1 and",
        ),
        ("Deployment", "spec.replicas", -1, "spec.replicas", "must be greater than or equal to 0"),
        ("Deployment", "spec.selector", None, "spec.selector", "Required value"),
        ("Deployment", "spec.selector", {}, "spec.selector", "empty selector is invalid"),
        (
            "Deployment",
            "spec.selector.matchLabels.app",
            "x",
            "spec.template.metadata.labels",
            "does not match template `labels`",
        ),
        (
            "Deployment",
            "spec.selector.matchExpressions",
            [{"key": "a", "operator": "In"}],
            "spec.selector.matchExpressions[0].values",
            "must be specified",
        ),
        ("Deployment", "spec.strategy", {"type": "Recreate", "rollingUpdate": {}}, "spec.strategy.rollingUpdate", ""),
        (
            "Deployment",
            "spec.strategy.rollingUpdate",
            {"maxSurge": 0, "maxUnavailable": "0%"},
            "spec.strategy.rollingUpdate.maxUnavailable",
            "may not be 0",
        ),
        (
            "Deployment",
            "spec.template.spec.restartPolicy",
            "Never",
            "spec.template.spec.restartPolicy",
            'supported values: "Always"',
        ),
        (
            "Deployment",
            "spec.template.spec.containers.0.image",
            None,
            "spec.template.spec.containers[0].image",
            "Required value",
        ),
        ("Service", "metadata.name", "1s", "metadata.name", "a DNS-1035 label must consist of"),
        ("Service", "spec.ports", [], "spec.ports", "Required value"),
        ("Service", "spec.ports.0.name", None, "spec.ports[0].name", "Required value"),
        ("Service", "spec.ports.0.name", "https", "spec.ports[1].name", "Duplicate value"),
        ("Service", "spec.ports.0.port", 443, "spec.ports[1]", "Duplicate value"),
        ("Service", "spec.ports.0.port", 0, "spec.ports[0].port", "must be between 1 and 65535"),
        (
            "Service",
            "spec.ports.0.targetPort",
            "a--b",
            "spec.ports[0].targetPort",
            "must not contain consecutive hyphens",
        ),
        ("Service", "spec.type", "External", "spec.type", "Unsupported value"),
        ("Service", "spec.type", "ExternalName", "spec.externalName", "Required value"),
        ("Secret", "data.a", "?", "data[a]", "illegal base64 data"),
        ("Secret", "type", "kubernetes.io/tls", "data[tls.crt]", "Required value"),
        ("ConfigMap", "data", {"a b": "c"}, "data[a b]", "a valid config key must consist of"),
        ("ClusterRole", "metadata.name", "a/b", "metadata.name", "may not contain '/'"),
        ("ClusterRole", "rules.0.verbs", [], "rules[0].verbs", "verbs must contain at least one value"),
        ("ClusterRole", "rules.0.apiGroups", [], "rules[0].apiGroups", "at least one api group"),
        ("ClusterRoleBinding", "roleRef.kind", "Role", "roleRef.kind", 'supported values: "ClusterRole"'),
        ("ClusterRoleBinding", "subjects.0.namespace", None, "subjects[0].namespace", "Required value"),
        ("ClusterRoleBinding", "subjects.0.kind", "Pod", "subjects[0].kind", "Unsupported value"),
        ("MutatingWebhookConfiguration", "webhooks.0.name", "a", "webhooks[0].name", "at least three segments"),
        ("MutatingWebhookConfiguration", "webhooks.0.sideEffects", None, "webhooks[0].sideEffects", "Required value"),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.sideEffects",
            "Some",
            "webhooks[0].sideEffects",
            "Unsupported value",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.admissionReviewVersions",
            [],
            "webhooks[0].admissionReviewVersions",
            "must specify one of",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.timeoutSeconds",
            60,
            "webhooks[0].timeoutSeconds",
            "between 1 and 30 seconds",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.clientConfig",
            {},
            "webhooks[0].clientConfig",
            "exactly one of url or service",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.clientConfig",
            {"url": "http://x"},
            "webhooks[0].clientConfig.url",
            "'https' is the only allowed",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.rules.0.resources",
            [],
            "webhooks[0].rules[0].resources",
            "Required value",
        ),
        (
            "MutatingWebhookConfiguration",
            "webhooks.0.matchConditions",
            [{"name": "a", "expression": "true"}],
            "webhooks[0].matchConditions",
            "not implemented",
        ),
        (
            "Job",
            "spec.template.spec.restartPolicy",
            "Always",
            "spec.template.spec.restartPolicy",
            'Required value: valid values: "OnFailure", "Never"',
        ),
        ("CronJob", "spec.schedule", "* *", "spec.schedule", "expected exactly 5 fields"),
        ("PodDisruptionBudget", "spec.maxUnavailable", 1, "spec", "cannot be both set"),
        ("PodDisruptionBudget", "spec.minAvailable", -1, "spec.minAvailable", "greater than or equal to 0"),
        ("PodDisruptionBudget", "spec.minAvailable", "200%", "spec.minAvailable", "must not be greater than 100%"),
        ("CronJob", "metadata.name", "n" * 53, "metadata.name", "must be no more than 52 characters"),
        ("CronJob", "spec.schedule", "TZ=UTC * * * * *", "spec.schedule", "use timeZone field instead"),
        ("CronJob", "spec.schedule", "* * * * 7", "spec.schedule", "end of range (7) above maximum (6): 7"),
        ("CronJob", "spec.timeZone", "Nowhere/None", "spec.timeZone", "unknown time zone Nowhere/None"),
        ("CronJob", "spec.timeZone", "", "spec.timeZone", "timeZone must be nil or non-empty string"),
        ("CronJob", "spec.failedJobsHistoryLimit", -1, "spec.failedJobsHistoryLimit", "greater than or equal to 0"),
        ("Node", "spec.taints.0.effect", "X", "metadata.taints[0].effect", 'supported values: "NoSchedule", "Prefer'),
        ("Node", "spec.taints.0.key", "a b", "metadata.taints[0].key", "name part must consist"),
        ("Node", "spec.taints.1.effect", "NoSchedule", "metadata.taints[1]", "must be unique by key and effect pair"),
        ("PriorityClass", "value", 1_000_000_001, "value", "user defined priority is 1000000000"),
        ("PriorityClass", "metadata.name", "system-mine", "metadata.name", "system-mine is not a known system"),
        ("Event", "involvedObject.namespace", "other", "involvedObject.namespace", "does not match event.namespace"),
        ("NetworkPolicy", "spec.ingress.0.from", [{}], "spec.ingress[0].from[0]", "must specify a peer"),
        ("NetworkPolicy", "spec.ingress.0.ports.0.port", 0, "spec.ingress[0].ports[0].port", "between 1 and 65535"),
        ("Ingress", "spec.rules", None, "spec", "either `defaultBackend` or `rules` must be specified"),
        ("Ingress", "spec.rules.0.host", "Bad_", "spec.rules[0].host", "a lowercase RFC 1123 subdomain"),
        ("Ingress", "spec.rules.0.http.paths.0.pathType", None, f"{ROUTE}.pathType", "pathType must be specified"),
        ("Ingress", "spec.rules.0.http.paths.0.path", "x", f"{ROUTE}.path", "must be an absolute path"),
        (
            "Ingress",
            "spec.rules.0.http.paths.0.backend.service.port",
            {},
            f"{ROUTE}.backend",
            "name or number is required",
        ),
        ("HorizontalPodAutoscaler", "spec.maxReplicas", 0, "spec.maxReplicas", "must be greater than 0"),
        ("HorizontalPodAutoscaler", "spec.minReplicas", 0, "spec.minReplicas", "greater than or equal to 1"),
        ("HorizontalPodAutoscaler", "spec.minReplicas", 4, "spec.maxReplicas", "or equal to `minReplicas`"),
        ("HorizontalPodAutoscaler", "spec.scaleTargetRef", {}, "spec.scaleTargetRef.kind", "Required value"),
        ("CertificateSigningRequest", "spec.request", "eA==", "spec.request", "must be CERTIFICATE REQUEST"),
        ("CertificateSigningRequest", "spec.usages", [], "spec.usages", "Required value"),
        ("CertificateSigningRequest", "spec.signerName", "mine", "spec.signerName", "fully qualified domain and path"),
        ("CertificateSigningRequest", "spec.expirationSeconds", 599, "spec.expirationSeconds", "less than 600 seconds"),
        ("EndpointSlice", "addressType", "IPv5", "addressType", "Unsupported value"),
        ("EndpointSlice", "endpoints.0.addresses", [], "endpoints[0].addresses", "at least 1 address"),
    ],
)
def test_mistakes(name: str, path: str, value: Any, field: str, message: str) -> None:
    body = _filled(name)
    _set(body, path, value)
    causes = validate(_kind(name), body, None)
    assert any(cause.field == field and message in cause.message for cause in causes), causes


@pytest.mark.parametrize(
    ("name", "path", "value", "field"),
    [
        ("Pod", "spec.restartPolicy", "Never", "spec"),
        ("Pod", "spec.containers.0.env.0.value", "c", "spec"),
        ("Deployment", "spec.selector.matchLabels", {"app": "web", "b": "c"}, "spec.selector"),
        ("StatefulSet", "spec.serviceName", "t", "spec"),
        ("Job", "spec.completions", 5, "spec.completions"),
        ("Secret", "type", "other", "type"),
        ("ClusterRoleBinding", "roleRef.name", "other", "roleRef"),
        ("PriorityClass", "value", 1, "value"),
        ("PriorityClass", "preemptionPolicy", "Never", "preemptionPolicy"),
        ("EndpointSlice", "addressType", "IPv6", "addressType"),
    ],
)
def test_what_may_not_change(name: str, path: str, value: Any, field: str) -> None:
    old, new = _filled(name), _filled(name)
    _set(new, path, value)
    assert field in [cause.field for cause in validate(_kind(name), new, old)]


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("Pod", "spec.containers.0.image", "i:2"),
        ("Pod", "spec.activeDeadlineSeconds", 5),
        ("Pod", "metadata.labels", {"a": "b"}),
        ("Deployment", "spec.template.spec.containers.0.image", "i:2"),
        ("StatefulSet", "spec.replicas", 5),
    ],
)
def test_what_may_change(name: str, path: str, value: Any) -> None:
    old, new = _filled(name), _filled(name)
    _set(new, path, value)
    assert validate(_kind(name), new, old) == []


def test_immutable_data_stays() -> None:
    old = {**_filled("ConfigMap"), "immutable": True}
    new = {**old, "data": {"a": "c"}}
    assert [cause.field for cause in validate(_kind("ConfigMap"), new, old)] == ["data"]

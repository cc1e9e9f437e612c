"""CustomResourceDefinitions: the names, versions and columns of Linkerd's chart (linkerd-crds), and what they take."""

import copy

import kubernetes_validate
import pytest
import yaml
from tests.deploy.rendering import DEPLOY, Obj

from linkerd_sandbox.apiserver.schemas import Node
from linkerd_sandbox.apiserver.structural import pruned, validate

DEFINITIONS: dict[str, Obj] = {
    definition["metadata"]["name"]: definition
    for file in sorted((DEPLOY / "base/crds").glob("*.yaml"))
    for definition in yaml.safe_load_all(file.read_text())
    if definition["kind"] == "CustomResourceDefinition"
}
VERSIONS = {
    # Stored last. ! marks one that is deprecated.
    "serviceprofiles.linkerd.io": "v1alpha1 v1alpha2",
    "servers.policy.linkerd.io": "!v1alpha1 !v1beta1 v1beta2 v1beta3",
    "serverauthorizations.policy.linkerd.io": "!v1alpha1 v1beta1",
    "authorizationpolicies.policy.linkerd.io": "v1alpha1",
    "meshtlsauthentications.policy.linkerd.io": "v1alpha1",
    "networkauthentications.policy.linkerd.io": "v1alpha1",
    "httproutes.policy.linkerd.io": "!v1alpha1 v1beta1 v1beta2 v1beta3",
    "httplocalratelimitpolicies.policy.linkerd.io": "v1alpha1",
    "egressnetworks.policy.linkerd.io": "v1alpha1",
    "externalworkloads.workload.linkerd.io": "v1beta1",
    # SMI's own stores the older one.
    "trafficsplits.split.smi-spec.io": "v1alpha2 v1alpha1",
    # Not Linkerd's.
    "faultinjections.policy.linkerd.io": "v1alpha1",
}
SHORT_NAMES = {
    "serviceprofiles.linkerd.io": ["sp"],
    "servers.policy.linkerd.io": ["srv"],
    "serverauthorizations.policy.linkerd.io": ["saz", "serverauthz", "srvauthz"],
    "authorizationpolicies.policy.linkerd.io": ["authzpolicy"],
    "meshtlsauthentications.policy.linkerd.io": ["meshtlsauthn"],
    "networkauthentications.policy.linkerd.io": ["netauthn", "networkauthn"],
    "trafficsplits.split.smi-spec.io": ["ts"],
    "faultinjections.policy.linkerd.io": ["fault"],
}
COLUMNS = {
    "servers.policy.linkerd.io": {
        "Port": ".spec.port",
        "Protocol": ".spec.proxyProtocol",
        "Access Policy": ".spec.accessPolicy",
    },
    "serverauthorizations.policy.linkerd.io": {"Server": ".spec.server.name"},
    "httproutes.policy.linkerd.io": {"Hostnames": ".spec.hostnames", "Age": ".metadata.creationTimestamp"},
    "httplocalratelimitpolicies.policy.linkerd.io": {
        "Target_kind": ".spec.targetRef.kind",
        "Target_name": ".spec.targetRef.name",
        "Total_RPS": ".spec.total.requestsPerSecond",
        "Identity_RPS": ".spec.identity.requestsPerSecond",
    },
    "egressnetworks.policy.linkerd.io": {"Traffic_Policy": ".spec.trafficPolicy"},
    "externalworkloads.workload.linkerd.io": {
        "Identity": ".spec.meshTLS.identity",
        "Age": ".metadata.creationTimestamp",
    },
    "trafficsplits.split.smi-spec.io": {"Service": ".spec.service"},
    "faultinjections.policy.linkerd.io": {"Abort": ".spec.abort.percentage", "Delay": ".spec.delay.duration"},
}
WITH_STATUS = {"httproutes", "httplocalratelimitpolicies", "egressnetworks", "externalworkloads"}


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_names_versions_and_columns_are_linkerds(name: str) -> None:
    spec = DEFINITIONS[name]["spec"]
    assert spec["names"].get("shortNames", []) == SHORT_NAMES.get(name, [])
    assert spec["scope"] == "Namespaced"
    served = {v["name"]: v for v in spec["versions"] if v["served"]}
    wanted = VERSIONS[name].split()
    assert set(served) == {version.lstrip("!") for version in wanted}
    assert [v["name"] for v in spec["versions"] if v["storage"]] == [wanted[-1]]
    for version in spec["versions"]:
        columns = {c["name"]: c["jsonPath"] for c in version.get("additionalPrinterColumns", [])}
        assert columns == COLUMNS.get(name, {})
        assert version.get("deprecated", False) == (f"!{version['name']}" in wanted)
        assert ("status" in version.get("subresources", {})) == (spec["names"]["plural"] in WITH_STATUS)
        assert version["schema"] == spec["versions"][0]["schema"], "no version needs a conversion"


def test_every_definition_is_in_the_tables() -> None:
    assert set(DEFINITIONS) == set(VERSIONS)


@pytest.mark.parametrize("version", ["1.25", "1.28", "1.31", "1.34", "1.37"])
@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_every_release_of_kubernetes_takes_it(name: str, version: str) -> None:
    """The oldest and the newest that kubernetes-validate carries, and some between."""
    kubernetes_validate.validate(copy.deepcopy(DEFINITIONS[name]), version, strict=True)


def schema_of(api_version: str, kind: str) -> Node:
    group, _, version = api_version.partition("/")
    for definition in DEFINITIONS.values():
        spec = definition["spec"]
        if (spec["group"], spec["names"]["kind"]) == (group, kind):
            (found,) = (v["schema"]["openAPIV3Schema"] for v in spec["versions"] if v["name"] == version)
            return Node(found)
    raise AssertionError(f"no definition of {api_version} {kind}")


GOOD = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
spec:
  # As linkerd-smi writes it: no routes.
  dstOverrides:
    - {authority: web-v1.emojivoto.svc.cluster.local:80, weight: 900m}
    - {authority: web-v2.emojivoto.svc.cluster.local:80, weight: 100}
---
apiVersion: linkerd.io/v1alpha1
kind: ServiceProfile
spec:
  opaquePorts: ["3306"]
  retryBudget: {retryRatio: 0.2, minRetriesPerSecond: 10, ttl: 10s}
  routes:
    - name: POST /api/vote
      condition: {all: [{method: POST}, {not: {pathRegex: /internal}}]}
      isRetryable: true
      timeout: 300ms
      responseClasses:
        - {condition: {any: [{status: {min: 500, max: 599}}, {status: {min: 429}}]}, isFailure: true}
---
apiVersion: policy.linkerd.io/v1beta3
kind: Server
spec: {podSelector: {matchLabels: {app: web}}, port: http, proxyProtocol: HTTP/1, accessPolicy: audit}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: Server
spec: {podSelector: {matchExpressions: [{key: app, operator: Exists}]}, port: 8080}
---
apiVersion: policy.linkerd.io/v1beta2
kind: Server
spec: {externalWorkloadSelector: {}, port: 8080, proxyProtocol: opaque}
---
apiVersion: policy.linkerd.io/v1beta1
kind: ServerAuthorization
spec:
  server: {selector: {matchLabels: {app: web}}}
  client:
    networks: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}]
    meshTLS: {identities: ["*.emojivoto.serviceaccount.identity.linkerd.cluster.local"]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: ServerAuthorization
spec: {server: {name: web}, client: {unauthenticated: true}}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web}
  requiredAuthenticationRefs: [{kind: ServiceAccount, name: web, namespace: emojivoto}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
spec: {identityRefs: [{kind: ServiceAccount, name: web}, {kind: Namespace, name: emojivoto}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
spec: {identities: ["*"]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
spec: {networks: [{cidr: 0.0.0.0/0, except: [10.0.0.1]}, {cidr: "::/0"}]}
---
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
spec:
  parentRefs: [{name: web, kind: Service, group: core, port: 80}]
  hostnames: ["*.example.org"]
  rules:
    - matches:
        - path: {type: Exact, value: /api}
          method: GET
          headers: [{name: x, value: y}, {name: z, type: RegularExpression, value: .*}]
          queryParams: [{name: q, value: "1"}]
      filters:
        - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], remove: [c]}}
        - {type: RequestRedirect, requestRedirect: {scheme: https, statusCode: 301}}
      backendRefs: [{name: web-v2, port: 80, weight: 10}]
      timeouts: {request: 10s, backendRequest: 500ms}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPRoute
spec: {parentRefs: [{name: web}], rules: [{}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web}
  total: {requestsPerSecond: 100}
  identity: {requestsPerSecond: 20}
  overrides: [{requestsPerSecond: 200, clientRefs: [{kind: ServiceAccount, namespace: a, name: b}]}]
---
apiVersion: policy.linkerd.io/v1alpha1
kind: EgressNetwork
spec: {trafficPolicy: Deny, networks: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8]}]}
---
apiVersion: workload.linkerd.io/v1beta1
kind: ExternalWorkload
spec:
  meshTLS: {identity: "spiffe://root.linkerd.cluster.local/vm", serverName: vm.cluster.local}
  workloadIPs: [{ip: 192.0.2.1}]
  ports: [{name: http, port: 80}]
---
apiVersion: split.smi-spec.io/v1alpha1
kind: TrafficSplit
spec: {service: web, backends: [{service: web-v1, weight: 900m}, {service: web-v2, weight: 100m}]}
---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
spec: {service: web, backends: [{service: web-v1, weight: 80}, {service: web-v2, weight: 20}]}
---
apiVersion: policy.linkerd.io/v1alpha1
kind: FaultInjection
spec: {abort: {httpStatus: 503, percentage: 50}, delay: {duration: 100ms}}
"""
BAD = """
# a field that there is not
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
spec: {route: []}
---
# no name
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
spec: {routes: [{condition: {method: GET}}]}
---
# both selectors
apiVersion: policy.linkerd.io/v1beta3
kind: Server
spec: {podSelector: {}, externalWorkloadSelector: {}, port: 80}
---
# no port
apiVersion: policy.linkerd.io/v1beta3
kind: Server
spec: {podSelector: {}}
---
# an access policy that there is not
apiVersion: policy.linkerd.io/v1beta3
kind: Server
spec: {podSelector: {}, port: 80, accessPolicy: allow}
---
# clients by nothing
apiVersion: policy.linkerd.io/v1beta1
kind: ServerAuthorization
spec: {server: {name: web}, client: {}}
---
# no authentications at all
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
spec: {targetRef: {kind: Server, name: web}}
---
# identities and references
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
spec: {identities: ["*"], identityRefs: [{kind: ServiceAccount, name: a}]}
---
# no network
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
spec: {}
---
# a path type that there is not
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
spec: {rules: [{matches: [{path: {type: Prefix, value: /}}]}]}
---
# no requests
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
spec: {targetRef: {group: policy.linkerd.io, kind: Server, name: web}, total: {requestsPerSecond: 0}}
---
# neither allow nor deny
apiVersion: policy.linkerd.io/v1alpha1
kind: EgressNetwork
spec: {trafficPolicy: Maybe}
---
# an identity of nothing
apiVersion: workload.linkerd.io/v1beta1
kind: ExternalWorkload
spec: {meshTLS: {identity: "", serverName: a}}
---
# no weight
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
spec: {service: web, backends: [{service: web-v1}]}
---
# both statuses
apiVersion: policy.linkerd.io/v1alpha1
kind: FaultInjection
spec: {abort: {httpStatus: 503, grpcStatus: 14}}
"""


def samples(text: str) -> list[Obj]:
    return [obj | {"metadata": {"name": "a", "namespace": "b"}} for obj in yaml.safe_load_all(text)]


def complaints(obj: Obj) -> list[str]:
    """As an API server with strict field validation."""
    node = schema_of(obj["apiVersion"], obj["kind"])
    _, findings = pruned(obj, node)
    return [f"unknown field {path}" for path in findings.unknown] + [str(cause) for cause in validate(obj, node)]


@pytest.mark.parametrize("obj", samples(GOOD), ids=lambda obj: f"{obj['apiVersion']} {obj['kind']}")
def test_what_linkerds_users_write_is_taken_whole(obj: Obj) -> None:
    assert complaints(obj) == []


@pytest.mark.parametrize("obj", samples(BAD), ids=lambda obj: f"{obj['apiVersion']} {obj['kind']}")
def test_what_is_wrong_is_refused(obj: Obj) -> None:
    assert complaints(obj)


def test_every_kind_has_a_sample_of_both() -> None:
    kinds = {definition["spec"]["names"]["kind"] for definition in DEFINITIONS.values()}
    assert {obj["kind"] for obj in samples(GOOD)} == kinds
    assert {obj["kind"] for obj in samples(BAD)} == kinds

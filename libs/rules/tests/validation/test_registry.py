"""Every kind through `validate`: a good document has no problem, a bad one is told where and what."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.validation import KINDS, validate

P, G = "policy.linkerd.io/v1alpha1", "gateway.networking.k8s.io/v1"
TO_SERVER = "targetRef: {group: policy.linkerd.io, kind: Server, name: s}"
PARENT = "parentRefs: [{group: core, kind: Service, name: web, port: 80}]"


def document(kind: str, spec: str, api: str = P, metadata: str = "") -> Any:
    return yaml.safe_load(f"""
apiVersion: {api}
kind: {kind}
metadata: {{name: x, namespace: ns, labels: {{a: b}}{metadata}}}
spec: {{{spec}}}
""")


def http(rule: str, parent: str = PARENT) -> Any:
    return document("HTTPRoute", f"{parent}, rules: [{{{rule}}}]", "policy.linkerd.io/v1beta3")


def grpc(rule: str) -> Any:
    return document("GRPCRoute", f"{PARENT}, rules: [{{{rule}}}]", G)


SERVER_API = "policy.linkerd.io/v1beta3"
GOOD = [
    document("Server", "podSelector: {}, port: 80, proxyProtocol: gRPC, accessPolicy: audit", SERVER_API),
    document("Server", "externalWorkloadSelector: {matchLabels: {a: b}}, port: http", SERVER_API),
    document("ServerAuthorization", "server: {selector: {}}, client: {meshTLS: {identities: ['*', '*.ns.x']}}"),
    document("AuthorizationPolicy", f"{TO_SERVER}, requiredAuthenticationRefs: []"),
    document("MeshTLSAuthentication", "identities: ['spiffe://td/ns/x']"),
    document("NetworkAuthentication", "networks: [{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}, {cidr: '::/0'}]"),
    document("HTTPLocalRateLimitPolicy", f"{TO_SERVER}, total: {{requestsPerSecond: 9}}"),
    document("FaultInjection", "delay: {duration: 1s, percentage: 0.5}"),
    http("matches: [{method: GET}], timeouts: {request: 1s, backendRequest: 500ms}, backendRefs: [{name: a, port: 1}]"),
    http("filters: [{type: X}]", "parentRefs: [{group: g.io, kind: Gateway, name: g}]"),
    grpc("matches: [{method: {service: a.B}, headers: [{name: h, value: v}]}]"),
    document(
        "ReferenceGrant", f"from: [{{group: {G[:-3]}, kind: HTTPRoute, namespace: a}}], to: [{{kind: Service}}]", G
    ),
    document("TrafficSplit", "service: a, backends: [{service: b, weight: 1}]", "split.smi-spec.io/v1alpha2"),
    document("ServiceProfile", "routes: [{name: a, condition: {method: GET}}]", "linkerd.io/v1alpha2"),
    document("Service", "ports: [{port: 80}]", "v1"),
    document("Deployment", "anything: 1", "apps/v1"),
]


@pytest.mark.parametrize("good", GOOD, ids=lambda d: d["kind"])
def test_good(good: Any) -> None:
    assert validate(good) == []
    assert {(d["apiVersion"].rpartition("/")[0], d["kind"]) for d in GOOD} >= KINDS - {
        (G[:-3], "HTTPRoute"),
    }


IN_RULE = "spec.rules[0]"


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (document("Server", "port: 80", SERVER_API), "spec: exactly one of podSelector, externalWorkloadSelector"),
        (
            document("Server", "podSelector: {}, port: 0", SERVER_API),
            "spec.port: must be a whole number from 1 to 65535",
        ),
        (document("Server", "podSelector: {}, port: '80'", SERVER_API), "spec.port: '80' is a number in quotes"),
        (
            document("Server", "podSelector: {}, port: 80, proxyProtocol: http", SERVER_API),
            "spec.proxyProtocol: 'http' is not one of unknown, HTTP/1",
        ),
        (
            document("Server", "podSelector: {matchExpressions: [{key: a, operator: In}]}, port: 80", SERVER_API),
            "spec.podSelector.matchExpressions[0].values: is required with In",
        ),
        (document("Server", "podSelector: {}, port: 80, prot: 1", SERVER_API), "spec.prot: unknown field"),
        (
            document("ServerAuthorization", "server: {name: a}, client: {}"),
            "spec.client: exactly one of unauthenticated",
        ),
        (
            document("ServerAuthorization", "server: {name: a}, client: {meshTLS: {identities: ['a_b']}}"),
            "spec.client.meshTLS.identities[0]: 'a_b' is not an identity",
        ),
        (
            document("ServerAuthorization", "server: {}, client: {unauthenticated: true}"),
            "spec.server: exactly one of name, selector",
        ),
        (
            document("AuthorizationPolicy", "targetRef: {kind: Pod, name: a}, requiredAuthenticationRefs: []"),
            "spec.targetRef.kind: Pod cannot be a target; write one of Server",
        ),
        (
            document("AuthorizationPolicy", "targetRef: {kind: Namespace, name: b}, requiredAuthenticationRefs: []"),
            "spec.targetRef.name: must be in the policy's own namespace, ns",
        ),
        (document("AuthorizationPolicy", TO_SERVER), "spec.requiredAuthenticationRefs: is required"),
        (
            document("AuthorizationPolicy", f"{TO_SERVER}, requiredAuthenticationRefs: [{{kind: User, name: a}}]"),
            "requiredAuthenticationRefs[0].kind: User is no authentication",
        ),
        (
            document(
                "AuthorizationPolicy",
                f"{TO_SERVER}, requiredAuthenticationRefs: "
                "[{kind: ServiceAccount, name: a}, {kind: ServiceAccount, name: b}]",
            ),
            "takes at most one NetworkAuthentication",
        ),
        (document("MeshTLSAuthentication", ""), "spec: set identities or identityRefs"),
        (
            document("MeshTLSAuthentication", "identityRefs: [{kind: Pod, name: a}]"),
            "'Pod' is not one of ServiceAccount",
        ),
        (
            document("NetworkAuthentication", "networks: [{cidr: 10.0.0.1/8}]"),
            "spec.networks[0].cidr: '10.0.0.1/8' is not",
        ),
        (
            document("NetworkAuthentication", "networks: [{cidr: 10.0.0.0/8, except: [11.0.0.0/16]}]"),
            "spec.networks[0].except[0]: 11.0.0.0/16 is not inside of 10.0.0.0/8",
        ),
        (document("HTTPLocalRateLimitPolicy", TO_SERVER), "spec: limits nothing"),
        (
            document(
                "HTTPLocalRateLimitPolicy",
                f"{TO_SERVER}, total: {{requestsPerSecond: 1}}, identity: {{requestsPerSecond: 2}}",
            ),
            "spec.identity.requestsPerSecond: must not be greater than total (1)",
        ),
        (
            document("FaultInjection", "abort: {percentage: 101, httpStatus: 500}"),
            "spec.abort.percentage: must be a number",
        ),
        (document("FaultInjection", "abort: {percentage: 1}"), "spec.abort: exactly one of httpStatus, grpcStatus"),
        (http("matches: [{path: {type: RegularExpression, value: '['}}]"), f"{IN_RULE}.matches[0].path.value: '['"),
        (http("matches: [{path: {value: a}}]"), f"{IN_RULE}.matches[0].path.value: 'a' must begin with /"),
        (http("matches: [{method: get}]"), f"{IN_RULE}.matches[0].method: 'get' is not one of GET"),
        (
            http("backendRefs: [{name: a, port: 80, weight: -1}]"),
            f"{IN_RULE}.backendRefs[0].weight: must be a whole number",
        ),
        (http("backendRefs: [{name: a}]"), f"{IN_RULE}.backendRefs[0].port: is required for a Service"),
        (http("timeouts: {request: 1s, backendRequest: 2s}"), "backendRequest: must not be longer than request"),
        (http("timeout: 1s"), f"{IN_RULE}.timeout: unknown field; did you mean timeouts?"),
        (http("filters: [{type: URLRewrite}]"), f"{IN_RULE}.filters[0].type: 'URLRewrite' is not one of"),
        (
            http("filters: [{type: RequestRedirect, requestRedirect: {statusCode: 304}}]"),
            f"{IN_RULE}.filters[0].requestRedirect.statusCode: must be one of 301",
        ),
        (
            http("filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: 'a b', value: c}]}}]"),
            "responseHeaderModifier.set[0].name: 'a b' is not the name of a header",
        ),
        (
            http("filters: [{type: ExtensionRef, extensionRef: {group: a.io, kind: B, name: c}}]"),
            "extensionRef.kind: must be FaultInjection",
        ),
        (http("", "parentRefs: [{kind: Server, name: s, namespace: other}]"), "a Server of another namespace"),
        (grpc("matches: [{method: {}}]"), f"{IN_RULE}.matches[0].method: set service, method or both"),
        (grpc("matches: [{method: {service: a/b}}]"), "method.service: 'a/b' must not have a / in it"),
        (
            document("Service", "", "v1", ", annotations: {retry.linkerd.io/limit: x}"),
            "metadata.annotations[retry.linkerd.io/limit]: 'x' is not a whole number",
        ),
        (document("ReferenceGrant", "to: [{kind: Service}]", G), "spec.from: is required"),
    ],
)
def test_bad(bad: Any, expected: str) -> None:
    found = [str(problem) for problem in validate(bad)]
    assert [one for one in found if expected in one], found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, inner in items for found in _paths(inner, (*path, key)))]


@given(st.data(), st.sampled_from(GOOD), JSON)
def test_any_damage_is_survived(data: st.DataObject, good: Any, value: Any) -> None:
    import copy

    path = data.draw(st.sampled_from(_paths(good)[1:]))
    damaged = copy.deepcopy(good)
    inner = damaged
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert all(str(problem) for problem in validate(damaged))

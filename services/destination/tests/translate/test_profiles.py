"""ServiceProfiles and TrafficSplits: YAML in, documents out."""

from typing import Any

import pytest
from services.destination.tests.world import World

from linkerd_contract.codec import decode, encode
from linkerd_contract.outbound import OutboundDocument
from linkerd_rules.policy import OutboundPolicy

VOTING = """
kind: Service
metadata: {name: voting, namespace: emojivoto}
spec: {clusterIP: 10.43.0.1, ports: [{name: grpc, port: 8080}]}
---
kind: EndpointSlice
metadata: {name: voting-1, namespace: emojivoto, labels: {kubernetes.io/service-name: voting}}
addressType: IPv4
ports: [{name: grpc, port: 8080}]
endpoints: [{addresses: [10.42.0.1]}]
"""
PROFILE = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: voting.emojivoto.svc.cluster.local, namespace: emojivoto}
spec:
  routes:
  - name: POST /emojivoto.v1.VotingService/VoteDoughnut
    condition: {method: POST, pathRegex: '/emojivoto\\.v1\\.VotingService/VoteDoughnut'}
    SETTING
"""
TARGET = "10.43.0.1:8080"


def profile(setting: str) -> str:
    return PROFILE.replace("SETTING", setting)


def routes(*texts: str, target: str = TARGET, namespace: str = "emojivoto") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = World(VOTING, *texts).outbound(target, namespace)["routes"]
    return found


def test_routes_of_a_profile_and_the_default_one_last() -> None:
    document = World(VOTING, profile("timeout: 250ms")).outbound(TARGET, "emojivoto")
    assert document["profile"] == "voting.emojivoto.svc.cluster.local"
    assert document["routeOrder"] == "first"
    name = "POST /emojivoto.v1.VotingService/VoteDoughnut"
    assert document["routes"] == [
        {
            "name": name,
            "resource": {
                "group": "linkerd.io",
                "kind": "ServiceProfile",
                "namespace": "emojivoto",
                "name": "voting.emojivoto.svc.cluster.local",
                "section": name,
            },
            "matches": [
                {
                    "method": "POST",
                    "path": {"value": "/emojivoto\\.v1\\.VotingService/VoteDoughnut", "kind": "regex"},
                }
            ],
            "backends": [{"ref": "emojivoto/voting:8080"}],
            "timeouts": {"profileMs": 250},
            "labels": {"route": name},
        },
        {"name": "[DEFAULT]", "backends": [{"ref": "emojivoto/voting:8080"}], "labels": {"route": "[DEFAULT]"}},
    ]
    policy = OutboundPolicy(decode(encode(document), OutboundDocument))
    path = b"/emojivoto.v1.VotingService/VoteDoughnut"
    for method, target, expected in (
        (b"POST", path, name),
        (b"GET", path, "[DEFAULT]"),
        (b"POST", path + b"s", "[DEFAULT]"),
    ):
        route = policy.route(method, b"voting.emojivoto:8080", target, [])
        assert route is not None
        assert route.route.name == expected


FIVE = {"min": 500, "max": 599}
GRPC = [2, 4, 7, 13, 14, 15]


@pytest.mark.parametrize(
    ("setting", "retry"),
    [
        (
            'retryPolicy: {retryOn: "5xx", numRetries: 3, perTryTimeout: 100ms}',
            {"statuses": [FIVE], "grpcCodes": GRPC, "limit": 3, "perTryTimeoutMs": 100, "backoff": {}},
        ),
        (
            'retryPolicy: {retryOn: "503,unavailable"}',
            {"statuses": [{"min": 503, "max": 503}], "grpcCodes": [14], "limit": 1, "backoff": {}},
        ),
        (
            "isRetryable: true\n    retryBudget: {retryRatio: 0.5, minRetriesPerSecond: 1, ttl: 20s}",
            {"onFailure": True, "budget": {"ratio": 0.5, "minPerSecond": 1, "ttlMs": 20000}},
        ),
        ("isRetryable: true", {"onFailure": True, "budget": {}}),
        ("isRetryable: false", None),
        (
            "isRetryable: true\n  retryBudget: {retryRatio: 0.1, minRetriesPerSecond: 2, ttl: 5s}",
            {"onFailure": True, "budget": {"ratio": 0.1, "minPerSecond": 2, "ttlMs": 5000}},
        ),
    ],
)
def test_retries(setting: str, retry: dict[str, Any] | None) -> None:
    found = routes(profile(setting))
    assert found[0].get("retry") == retry
    assert "retry" not in found[1]


def test_the_budget_of_the_profile_is_the_documents() -> None:
    text = profile("isRetryable: true\n  retryBudget: {retryRatio: 0.1, minRetriesPerSecond: 2, ttl: 5s}")
    document = World(VOTING, text).outbound(TARGET)
    assert document["retryBudget"] == document["routes"][0]["retry"]["budget"]


def test_response_classes_and_nested_conditions() -> None:
    text = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: voting.emojivoto.svc.cluster.local, namespace: emojivoto}
spec:
  routes:
  - name: a
    condition: {all: [{any: [{method: GET}, {method: HEAD}]}, {not: {pathRegex: /private.*}}]}
    responseClasses:
    - condition: {status: {min: 404, max: 404}}
      isFailure: true
    - condition: {not: {status: {min: 500}}}
"""
    policy = OutboundPolicy(decode(encode(World(VOTING, text).outbound(TARGET)), OutboundDocument))
    route = policy.route(b"HEAD", b"", b"/public", [])
    assert route is not None
    assert [route.classify(status, None, False) for status in (404, 400, 503)] == [False, True, False]
    for method, path in ((b"POST", b"/public"), (b"GET", b"/private/x")):
        other = policy.route(method, b"", path, [])
        assert other is not None
        assert other.route.name == "[DEFAULT]"


def test_the_clients_profile_comes_before_the_services() -> None:
    own, clients = profile("timeout: 1s"), profile("timeout: 2s").replace("namespace: emojivoto", "namespace: client")

    def timeout(namespace: str, *texts: str) -> int:
        found: int = routes(*texts, namespace=namespace)[0]["timeouts"]["profileMs"]
        return found

    assert timeout("client", own, clients) == 2000
    assert timeout("emojivoto", own, clients) == 1000
    assert timeout("client", own) == 1000


def test_opaque_ports_of_a_profile() -> None:
    text = profile("").replace("spec:", 'spec:\n  opaquePorts: ["8000-8100"]')
    assert World(VOTING, text).outbound(TARGET)["protocol"] == "opaque"


def test_a_profile_without_routes_leaves_policy_alone() -> None:
    text = "".join(profile("").partition("  routes:")[:1]) + "  routes: []"
    document = World(VOTING, text).outbound(TARGET)
    assert document["routes"][0]["name"] == "default"
    assert "profile" not in document


WEB = """
kind: Service
metadata: {name: web-svc}
spec: {clusterIP: 10.43.0.2, ports: [{name: http, port: 80}]}
---
kind: Service
metadata: {name: web-svc-v1}
spec: {clusterIP: 10.43.0.3, ports: [{name: http, port: 80}]}
---
kind: Service
metadata: {name: web-svc-v2}
spec: {clusterIP: 10.43.0.4, ports: [{name: http, port: 80}]}
---
kind: EndpointSlice
metadata: {name: v1, labels: {kubernetes.io/service-name: web-svc-v1}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.42.1.1]}]
---
kind: EndpointSlice
metadata: {name: v2, labels: {kubernetes.io/service-name: web-svc-v2}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.42.1.2]}]
"""


def split(
    weights: str, version: str = "v1alpha1", name: str = "web-split", created: str = "2020-01-01T00:00:00Z"
) -> str:
    leaves = ", ".join(f"{{service: web-svc-v{n}, weight: {w}}}" for n, w in enumerate(weights.split("/"), 1))
    return f"""
apiVersion: split.smi-spec.io/{version}
kind: TrafficSplit
metadata: {{name: {name}, creationTimestamp: "{created}"}}
spec: {{service: web-svc, backends: [{leaves}]}}
"""


def weights(*texts: str, target: str = "10.43.0.2:80") -> dict[str, int]:
    [route] = World(WEB, *texts).outbound(target)["routes"]
    return {b["ref"].removeprefix("ns/").removesuffix(":80"): b.get("weight", 1) for b in route["backends"]}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("80/20", {"web-svc-v1": 80, "web-svc-v2": 20}),
        ("500m/500m", {"web-svc-v1": 1, "web-svc-v2": 1}),
        ('"750m"/1', {"web-svc-v1": 3, "web-svc-v2": 4}),
        ("100/0", {"web-svc-v1": 100}),
        ("0/0", {"web-svc": 1}),
        ("1/1/2", {"web-svc-v1": 1, "web-svc-v2": 1, "web-svc-v3": 2}),
    ],
)
def test_weights(written: str, expected: dict[str, int]) -> None:
    assert weights(split(written)) == expected
    assert weights(split(written, "v1alpha2")) == expected


def test_leaves_have_their_own_endpoints_and_labels() -> None:
    document = World(WEB, split("80/20")).outbound("10.43.0.2:80")
    assert {
        ref: (backend["labels"]["service"], [e["addr"] for e in backend["endpoints"]])
        for ref, backend in document["backends"].items()
    } == {
        "ns/web-svc-v1:80": ("web-svc-v1", ["10.42.1.1:8080"]),
        "ns/web-svc-v2:80": ("web-svc-v2", ["10.42.1.2:8080"]),
    }
    assert document["authority"] == "web-svc.ns.svc.cluster.local:80"


def test_a_leaf_that_is_not_there_is_empty() -> None:
    backend = World(WEB, split("1/1/1")).outbound("10.43.0.2:80")["backends"]["ns/web-svc-v3:80"]
    assert "endpoints" not in backend
    assert "status" not in backend


def test_the_oldest_split_counts() -> None:
    newer = split("0/1", name="a", created="2021-01-01T00:00:00Z")
    assert weights(newer, split("1/0")) == {"web-svc-v1": 1000 // 1000}


def test_the_profiles_own_overrides_win() -> None:
    text = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: web-svc.ns.svc.cluster.local}
spec:
  routes: [{name: a, condition: {method: GET}}]
  dstOverrides:
  - {authority: "web-svc-v2.ns.svc.cluster.local.:80", weight: 500m}
  - {authority: web-svc.ns.svc.cluster.local, weight: "1"}
"""
    found = World(WEB, text, split("80/20")).outbound("10.43.0.2:80")["routes"]
    expected = [{"ref": "ns/web-svc-v2:80"}, {"ref": "ns/web-svc:80", "weight": 2}]
    assert [route["backends"] for route in found] == [expected, expected]


def test_a_pod_asked_for_by_name_is_not_split_away_from() -> None:
    headless = WEB.replace("clusterIP: 10.43.0.2", "clusterIP: None")
    document = World(headless, split("80/20")).outbound("pod-0.web-svc.ns.svc.cluster.local:80")
    assert list(document["backends"]) == ["ns/web-svc:80"]

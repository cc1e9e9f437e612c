"""HTTPRoutes and GRPCRoutes of Services: YAML in, documents and decisions out."""

from typing import Any

import pytest
from services.destination.tests.world import World

from linkerd_contract.codec import decode, encode
from linkerd_contract.outbound import OutboundDocument
from linkerd_rules.policy import OutboundPolicy


def service(name: str, ip: str, namespace: str = "ns", annotations: str = "") -> str:
    return f"""
kind: Service
metadata: {{name: {name}, namespace: {namespace}, annotations: {{{annotations}}}}}
spec: {{clusterIP: {ip}, ports: [{{name: http, port: 80}}, {{name: admin, port: 81}}]}}
"""


WEB = service("web", "10.43.0.1")
V2 = service("web-v2", "10.43.0.2")
FAR = service("far", "10.43.0.3", "other")
TARGET = "10.43.0.1:80"


def route(
    rules: str = "",
    *,
    name: str = "r",
    namespace: str = "ns",
    api: str = "policy.linkerd.io/v1beta3",
    kind: str = "HTTPRoute",
    parent: str = "kind: Service, group: core, name: web, namespace: ns",
    extra: str = "",
) -> str:
    return f"""
apiVersion: {api}
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: "2020-01-01T00:00:00Z", annotations: {{{extra}}}}}
spec: {{parentRefs: [{{{parent}}}], rules: [{rules}]}}
"""


def routes(*texts: str, namespace: str = "client", target: str = TARGET) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = World(WEB, *texts).outbound(target, namespace)["routes"]
    return found


def names(*texts: str, namespace: str = "client", target: str = TARGET) -> list[str]:
    return [one["name"] for one in routes(*texts, namespace=namespace, target=target)]


def decide(texts: list[str], path: bytes, method: bytes = b"GET", headers: Any = ()) -> str | None:
    document = decode(encode(World(WEB, *texts).outbound(TARGET)), OutboundDocument)
    found = OutboundPolicy(document).route(method, b"web", path, list(headers))
    return None if found is None else found.route.name


GATEWAY = "gateway.networking.k8s.io/v1"


@pytest.mark.parametrize("api", ["policy.linkerd.io/v1beta3", GATEWAY])
def test_a_rule_becomes_a_route(api: str) -> None:
    rule = """{
      matches: [{path: {type: Exact, value: /a}, method: GET, headers: [{name: X, value: "1"}],
                 queryParams: [{name: q, type: RegularExpression, value: "a+"}]}],
      filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], remove: [c]}},
                {type: RequestRedirect, requestRedirect: {
                   scheme: https, path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}],
      timeouts: {request: 1s},
      backendRefs: [{name: web, port: 80, weight: 9}, {name: web-v2, port: 81}]}"""
    document = World(WEB, V2, route(rule, api=api)).outbound(TARGET)
    first, last = document["routes"]
    assert first == {
        "name": "r",
        "resource": {"group": api.partition("/")[0], "kind": "HTTPRoute", "namespace": "ns", "name": "r"},
        "matches": [
            {
                "method": "GET",
                "path": {"value": "/a"},
                "headers": [{"name": "X", "match": {"value": "1"}}],
                "query": [{"name": "q", "match": {"value": "a+", "kind": "regex"}}],
            }
        ],
        "filters": [
            {"type": "requestHeaders", "headers": {"set": [{"name": "a", "value": "b"}], "remove": ["c"]}},
            {"type": "redirect", "redirect": {"scheme": "https", "prefix": "/b", "status": 302}},
        ],
        "backends": [{"ref": "ns/web:80", "weight": 9}, {"ref": "ns/web-v2:81"}],
        "timeouts": {"requestMs": 1000},
    }
    assert last["matches"] == [{"not": {}}]
    assert last["backends"] == [{"ref": "ns/web:80"}]
    assert set(document["backends"]) == {"ns/web:80", "ns/web-v2:81"}


def test_what_no_rule_matches_is_not_found() -> None:
    texts = [route("{matches: [{path: {value: /a}}]}")]
    assert decide(texts, b"/a/b") == "r"
    assert decide(texts, b"/b") is None


def test_no_rules_take_everything() -> None:
    assert decide([route()], b"/anything") == "r"
    assert decide([route("{}")], b"/anything") == "r"


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("{service: a.B, method: C}", b"/a.B/C", True),
        ("{service: a.B, method: C}", b"/a.B/D", False),
        ("{service: a.B}", b"/a.B/D", True),
        ("{service: a.B}", b"/a.BC/D", False),
        ("{method: C}", b"/x/C", True),
        ("{method: C}", b"/x/y/C", False),
        ("{type: RegularExpression, service: 'a\\.[AB]', method: 'C|D'}", b"/a.A/D", True),
        ("{type: RegularExpression, service: 'a\\.[AB]'}", b"/a.C/D", False),
    ],
)
def test_grpc_methods(method: str, path: bytes, found: bool) -> None:
    text = route(f"{{matches: [{{method: {method}}}]}}", api=GATEWAY, kind="GRPCRoute")
    assert (decide([text], path, b"POST") == "r") is found


def test_grpc_routes_hide_http_routes() -> None:
    assert names(route(), route(name="g", api=GATEWAY, kind="GRPCRoute")) == ["g", "default"]


def test_producers_and_consumers() -> None:
    producer, consumer = route(), route(name="mine", namespace="client")
    assert names(producer, consumer) == ["mine", "default"]
    assert names(producer, consumer, namespace="third") == ["r", "default"]
    assert names(consumer, namespace="third") == ["default"]
    assert names(consumer, namespace="ns") == ["default"]


@pytest.mark.parametrize(
    ("parent", "eighty", "eighty_one"),
    [
        ("kind: Service, group: core, name: web", True, True),
        ("kind: Service, group: '', name: web, port: 81", False, True),
        ("kind: Service, group: core, name: web, sectionName: http", True, False),
        ("kind: Service, group: core, name: other", False, False),
        ("kind: Gateway, group: gateway.networking.k8s.io, name: web", False, False),
    ],
)
def test_parents(parent: str, eighty: bool, eighty_one: bool) -> None:
    text = route(parent=parent)
    assert (names(text)[0] == "r") is eighty
    assert (names(text, target="10.43.0.1:81")[0] == "r") is eighty_one


def test_routes_of_other_controllers_are_not_looked_at() -> None:
    text = route(
        "{filters: [{type: URLRewrite, urlRewrite: {hostname: a}}]}",
        api=GATEWAY,
        parent="kind: Gateway, group: gateway.networking.k8s.io, name: web",
    )
    assert names(text) == ["default"]


GRANT = """
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: g, namespace: other}
spec:
  from: [{group: policy.linkerd.io, kind: HTTPRoute, namespace: ns}]
  to: [{group: "", kind: Service}]
"""


def backends(*texts: str) -> dict[str, str]:
    found = World(WEB, *texts).outbound(TARGET)["backends"]
    return {ref: one.get("status", "ok") for ref, one in found.items() if ref != "ns/web:80"}


def test_backends_that_cannot_be_used_are_missing() -> None:
    far = route("{backendRefs: [{name: far, namespace: other, port: 80}]}")
    assert backends(FAR, far) == {"missing:core/Service/other/far:80": "missing"}
    assert backends(FAR, far, GRANT) == {"other/far:80": "ok"}
    assert backends(FAR, far, GRANT.replace("namespace: ns", "namespace: x")) != {"other/far:80": "ok"}
    named = GRANT.replace("kind: Service}", "kind: Service, name: near}")
    assert backends(FAR, far, named) != {"other/far:80": "ok"}
    assert list(backends(route("{backendRefs: [{name: none, port: 80}]}")).values()) == ["missing"]
    odd = route("{backendRefs: [{group: example.com, kind: Bucket, name: b}]}")
    assert list(backends(odd).values()) == ["missing"]


FAULT = """
apiVersion: policy.linkerd.io/v1alpha1
kind: FaultInjection
metadata: {name: half}
spec: {abort: {httpStatus: 503, percentage: 50}, delay: {duration: 100ms}}
"""
HALF = "filters: [{type: ExtensionRef, extensionRef: {group: policy.linkerd.io, kind: FaultInjection, name: half}}]"
USES_FAULT = f"{{{HALF}}}"


def test_faults() -> None:
    assert routes(route(USES_FAULT), FAULT)[0]["filters"] == [
        {"type": "delay", "fault": {"percent": 100.0, "delayMs": 100}},
        {"type": "abort", "fault": {"percent": 50.0, "httpStatus": 503}},
    ]
    assert routes(route(USES_FAULT))[0]["filters"] == [{"type": "unknown"}]


def test_one_service_twice_with_different_filters() -> None:
    rule = f"{{backendRefs: [{{name: web, port: 80, {HALF}}}, {{name: web, port: 80}}]}}"
    document = World(WEB, FAULT, route(rule)).outbound(TARGET)
    first, second = document["routes"][0]["backends"]
    assert first["ref"] != second["ref"]
    assert "filters" not in second
    assert document["backends"][first["ref"]] == document["backends"][second["ref"]]


def test_annotations_of_services_and_routes() -> None:
    asks = (
        "retry.linkerd.io/http: 5xx, timeout.linkerd.io/request: 1s, balancer.linkerd.io/failure-accrual: consecutive"
    )
    text = service("web", "10.43.0.1", annotations=asks)
    plain = World(text).outbound(TARGET)
    assert plain["failureAccrual"] == {}
    assert plain["routes"][0]["retry"]["limit"] == 1
    assert plain["routes"][0]["timeouts"] == {"requestMs": 1000}
    own = World(text, route(extra='timeout.linkerd.io/request: 2s, retry.linkerd.io/limit: "9"')).outbound(TARGET)
    assert own["routes"][0]["timeouts"] == {"requestMs": 2000}
    assert own["routes"][0]["retry"]["limit"] == 1
    replaced = World(text, route(extra='retry.linkerd.io/http: "503", retry.linkerd.io/limit: "9"')).outbound(TARGET)
    assert replaced["routes"][0]["retry"]["limit"] == 9
    ruled = World(text, route("{timeouts: {backendRequest: 3s}}")).outbound(TARGET)
    assert ruled["routes"][0]["timeouts"] == {"requestMs": 1000, "responseMs": 3000}
    bad = World(service("web", "10.43.0.1", annotations="retry.linkerd.io/http: bad, timeout.linkerd.io/idle: 1s"))
    assert "retry" not in bad.outbound(TARGET)["routes"][0]
    assert bad.outbound(TARGET)["routes"][0]["timeouts"] == {"idleMs": 1000}


def test_older_routes_come_first() -> None:
    newer = route(name="a").replace("2020", "2021")
    assert names(newer, route(name="b")) == ["b", "a", "default"]
    assert decide([newer, route(name="b")], b"/") == "b"


def test_a_split_and_a_profile_come_before_routes() -> None:
    split = """
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: {name: s}
spec: {service: web, backends: [{service: web-v2, weight: 1}]}
"""
    profile = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: web.ns.svc.cluster.local}
spec: {routes: [{name: p, condition: {method: GET}}]}
"""
    assert names(route(), V2, split) == ["default"]
    assert names(route(), profile) == ["p", "[DEFAULT]"]

"""Statuses of routes and rate limits, written to a fake API server by a whole destination."""

from typing import Any

from libs.kube.tests.fake_api import FakeApi
from services.destination.tests.harness import Destination, put

from linkerd_testkit.ports import eventually

ROUTES = "/apis/policy.linkerd.io/v1beta3/httproutes"
ROUTE = """
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: r, namespace: ns, generation: 1}
spec: {parentRefs: [{group: core, kind: Service, name: web, port: 80}]}
status:
  parents:
  - parentRef: {group: example.com, kind: Gateway, name: theirs}
    controllerName: example.com/controller
    conditions: []
"""
SERVICE = """
kind: Service
metadata: {name: web, namespace: ns}
spec: {clusterIP: 10.43.0.1, ports: [{name: http, port: 80}]}
"""


def parents(api: FakeApi) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.objects[ROUTES]["ns", "r"]["status"]["parents"]
    return found


def reason(api: FakeApi) -> str:
    ours = [p for p in parents(api) if p["controllerName"] == "linkerd.io/policy-controller"]
    return str(ours[0]["conditions"][0]["reason"]) if ours else ""


async def test_conditions_follow_the_cluster(destination: Destination, api: FakeApi) -> None:
    put(api, ROUTE)
    await eventually(lambda: reason(api) == "NoMatchingParent")
    assert parents(api)[0]["controllerName"] == "example.com/controller"
    put(api, SERVICE)
    await eventually(lambda: reason(api) == "Accepted")
    [_, ours] = parents(api)
    assert ours["parentRef"] == {"group": "", "kind": "Service", "namespace": "ns", "name": "web", "port": 80}
    accepted, resolved = ours["conditions"]
    assert (accepted["status"], accepted["observedGeneration"]) == ("True", 1)
    assert (resolved["type"], resolved["reason"]) == ("ResolvedRefs", "ResolvedRefs")
    version = api.objects[ROUTES]["ns", "r"]["metadata"]["resourceVersion"]
    put(api, "kind: Namespace\nmetadata: {name: end}")
    await eventually(lambda: destination.application.index.sizes()["namespaces"] == 1)
    assert api.objects[ROUTES]["ns", "r"]["metadata"]["resourceVersion"] == version
    api.remove("/api/v1/services", "ns", "web")
    await eventually(lambda: reason(api) == "NoMatchingParent")


LIMITS = "/apis/policy.linkerd.io/v1alpha1/httplocalratelimitpolicies"
LIMIT = """
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: {name: slow, namespace: ns, generation: 4}
spec: {targetRef: {group: policy.linkerd.io, kind: Server, name: web}, total: {requestsPerSecond: 5}}
"""
SERVER = """
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: web, namespace: ns}
spec: {podSelector: {}, port: 80}
"""


def limited(api: FakeApi, name: str = "slow") -> tuple[str, str, int]:
    conditions = api.objects[LIMITS]["ns", name].get("status", {}).get("conditions")
    return tuple(conditions[0][k] for k in ("status", "reason", "observedGeneration")) if conditions else ("", "", 0)


async def test_a_rate_limit_says_whether_it_is_in_force(destination: Destination, api: FakeApi) -> None:
    put(api, LIMIT)
    await eventually(lambda: limited(api) == ("False", "NoMatchingTarget", 4))
    put(api, SERVER)
    await eventually(lambda: limited(api) == ("True", "Accepted", 4))
    target = {"group": "policy.linkerd.io", "kind": "Server", "namespace": "ns", "name": "web"}
    assert api.objects[LIMITS]["ns", "slow"]["status"]["targetRef"] == target
    version = api.objects[LIMITS]["ns", "slow"]["metadata"]["resourceVersion"]
    put(
        api,
        LIMIT.replace("slow", "slower").replace("generation", 'creationTimestamp: "2030-01-01T00:00:00Z", generation'),
    )
    await eventually(lambda: limited(api, "slower") == ("False", "RateLimitReasonAlreadyExists", 4))
    assert api.objects[LIMITS]["ns", "slow"]["metadata"]["resourceVersion"] == version, "written again for nothing"


async def test_what_got_past_admission_is_told_in_status_event_and_metric(
    destination: Destination, api: FakeApi
) -> None:
    bad = LIMIT.replace("requestsPerSecond: 5", "requestsPerSecond: -5").replace("generation", "uid: u-1, generation")
    put(api, SERVER)
    put(api, LIMIT.replace("slow", "good"))
    put(api, bad)
    await destination.ready()
    await eventually(lambda: limited(api) == ("False", "UnsupportedValue", 4))
    await eventually(lambda: limited(api, "good") == ("True", "Accepted", 4))

    def events() -> list[tuple[str, str, str]]:
        found = api.objects.get("/api/v1/events", {}).values()
        return [(e["involvedObject"]["name"], e["involvedObject"]["uid"], e["reason"]) for e in found]

    await eventually(lambda: events() == [("slow", "u-1", "Unreadable")])
    metrics = (await destination.get(destination.settings.admin.port, "/metrics"))[1]
    line = 'destination_object_problems_total{kind="HTTPLocalRateLimitPolicy",reason="Unreadable"} 1.0'
    assert line in metrics.splitlines()

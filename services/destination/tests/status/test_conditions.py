"""Statuses of routes, written to a fake API server by a whole destination."""

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

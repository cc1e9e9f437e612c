"""Profiles of the Services that lead to a pod: which, at which of its ports, and what of them."""

from typing import Any

import pytest
from services.destination.tests.world import World, load

from linkerd_destination.translate.inbound import render_inbound

POD = """
kind: Pod
metadata: {name: web-1, labels: {app: web, v: "1"}, annotations: {config.linkerd.io/opaque-ports: "3306"}}
spec: {containers: [{name: web, ports: [{name: http, containerPort: 8080}, {name: db, containerPort: 3306}]}]}
"""
SERVICE = """
kind: Service
metadata: {name: web}
spec: {selector: SELECTOR, ports: PORTS}
"""
NAME = "web.ns.svc.cluster.local"
PROFILE = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: NAME}
spec:
  routes:
  - name: GET /
    condition: {method: GET}
    isRetryable: true
    timeout: 1s
    responseClasses: [{condition: {status: {min: 404, max: 404}}, isFailure: true}]
"""


def service(selector: str = "{app: web}", ports: str = "[{port: 80, targetPort: http}]") -> str:
    return SERVICE.replace("SELECTOR", selector).replace("PORTS", ports)


def profile(name: str = NAME, namespace: str = "") -> str:
    text = PROFILE.replace("NAME", name)
    return text.replace("metadata: {", f"metadata: {{namespace: {namespace}, ") if namespace else text


def profiles(world: World) -> dict[str, list[str]]:
    """The authorities of each port's profiles."""
    ports = world.inbound("ns/web-1")["ports"]
    found = {number: [one["authority"] for one in port.get("profiles", [])] for number, port in ports.items()}
    return {number: authorities for number, authorities in found.items() if authorities}


def test_only_what_counts_at_the_server_is_sent() -> None:
    (found,) = World(POD, service(), profile()).inbound("ns/web-1")["ports"]["8080"]["profiles"]
    classes = [{"condition": {"status": {"min": 404, "max": 404}}, "isFailure": True}]
    get: dict[str, Any] = {"name": "GET /", "matches": [{"method": "GET"}], "responseClasses": classes}
    assert found == {
        "authority": f"{NAME}:80",
        "routes": [get | {"labels": {"route": "GET /"}}, {"name": "[DEFAULT]", "labels": {"route": "[DEFAULT]"}}],
    }


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([service(), profile()], {"8080": [f"{NAME}:80"]}),
        ([service(ports="[{port: 80, targetPort: 9}]"), profile()], {"9": [f"{NAME}:80"]}),
        ([service(ports="[{port: 8080}]"), profile()], {"8080": [f"{NAME}:8080"]}),
        (
            [
                service(ports="[{name: a, port: 80, targetPort: http}, {name: b, port: 81, targetPort: 8080}]"),
                profile(),
            ],
            {"8080": [f"{NAME}:80", f"{NAME}:81"]},
        ),
        # No such port, no pods of its own, other pods, no Service, a port that is opaque.
        ([service(ports="[{port: 80, targetPort: nothing}]"), profile()], {}),
        ([service(selector="{}"), profile()], {}),
        ([service(selector="{app: web, v: '2'}"), profile()], {}),
        ([profile()], {}),
        ([service(ports="[{port: 80, targetPort: db}]"), profile()], {}),
        # Of a client's namespace, of another Service, no profile at all.
        ([service(), profile(namespace="clients")], {}),
        ([service(), profile("web.other.svc.cluster.local")], {}),
        ([service()], {}),
    ],
)
def test_which_services_lead_to_a_pod(objects: list[str], expected: dict[str, list[str]]) -> None:
    assert profiles(World(POD, *objects)) == expected


def test_a_server_keeps_its_policy_and_has_profiles_too() -> None:
    server = """
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: s}
spec: {podSelector: {matchLabels: {app: web}}, port: http, proxyProtocol: PROTOCOL}
"""
    world = World(POD, service(), profile(), server.replace("PROTOCOL", "HTTP/1"))
    assert profiles(world) == {"8080": [f"{NAME}:80"]}
    assert world.inbound("ns/web-1")["ports"]["8080"]["server"]["name"] == "s"
    assert profiles(World(POD, service(), profile(), server.replace("PROTOCOL", "opaque"))) == {}


@pytest.mark.parametrize("change", [service(), profile()])
def test_what_comes_later_is_news(change: str) -> None:
    world = World(POD, *({service(), profile()} - {change}))
    world.index.drain()
    view = world.index.view()
    render_inbound(view, "ns/web-1")
    for obj in load(change):
        world.index.put(obj)
    assert world.index.drain() & view.facts

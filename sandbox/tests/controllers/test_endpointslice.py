"""EndpointSlices and Endpoints of a Service."""

from sandbox.tests.controllers.objects import a_pod

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import ENDPOINT_SLICES, ENDPOINTS
from linkerd_sandbox.controllers import endpointslice
from linkerd_sandbox.controllers.actions import Create, Delete, Patch, Plan

ZONES = {"sandbox": "local"}


def a_service(**spec: object) -> JsonObject:
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    return {
        "metadata": {"name": "web", "namespace": "default", "uid": "s1", "labels": {"team": "a"}},
        "spec": {"clusterIP": "10.43.0.16", "selector": {"app": "web"}, "ports": [port], **spec},
    }


def created(plan: Plan) -> list[JsonObject]:
    return [a.body for a in plan.actions if isinstance(a, Create) and a.resource is ENDPOINT_SLICES]


def reconcile(service: JsonObject, pods: list[JsonObject], slices: list[JsonObject] | None = None) -> Plan:
    return endpointslice.reconcile(service, pods, slices or [], None, ZONES)


def test_a_slice_says_who_is_ready_where() -> None:
    pods = [a_pod("a"), a_pod("b", ready=False), a_pod("c", deletionTimestamp="2026-01-01T00:00:00Z")]
    (one,) = created(reconcile(a_service(), pods))
    assert one["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]
    assert one["metadata"]["labels"] == {
        "team": "a",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.kubernetes.io",
    }
    assert one["metadata"]["ownerReferences"][0]["kind"] == "Service"
    assert [e["conditions"] for e in one["endpoints"]] == [
        {"ready": True, "serving": True, "terminating": False},
        {"ready": False, "serving": False, "terminating": False},
        {"ready": False, "serving": True, "terminating": True},
    ]
    first = one["endpoints"][0]
    assert first["targetRef"] == {"kind": "Pod", "name": "a", "namespace": "default", "uid": "a"}
    assert (first["nodeName"], first["zone"]) == ("sandbox", "local")


def test_a_slice_for_each_family_of_the_service() -> None:
    pod = a_pod("a")
    pod["status"]["podIPs"] = [{"ip": pod["status"]["podIP"]}, {"ip": "fd00:10:42::9"}]
    old = a_pod("before-podips")
    four, six = created(reconcile(a_service(ipFamilies=["IPv4", "IPv6"]), [pod, old]))
    assert (four["addressType"], len(four["endpoints"])) == ("IPv4", 2)
    assert [one["addresses"] for one in six["endpoints"]] == [["fd00:10:42::9"]]
    assert six["addressType"] == "IPv6"
    assert four["metadata"]["name"] != six["metadata"]["name"]
    (alone,) = created(reconcile(a_service(ipFamilies=["IPv4"]), [pod]))
    assert alone["metadata"]["name"] == four["metadata"]["name"], "a second family leaves the first one's slice alone"


def test_pods_that_resolve_a_port_differently_get_slices_of_their_own() -> None:
    other = a_pod("b")
    other["spec"]["containers"][0]["ports"][0]["containerPort"] = 9090
    assert sorted(one["ports"][0]["port"] for one in created(reconcile(a_service(), [a_pod("a"), other]))) == [
        8080,
        9090,
    ]


def test_at_most_a_hundred_endpoints_a_slice() -> None:
    sizes = [len(one["endpoints"]) for one in created(reconcile(a_service(), [a_pod(f"p{n}") for n in range(250)]))]
    assert sizes == [100, 100, 50]


def test_headless_and_named_pods() -> None:
    pod = a_pod("a")
    pod["spec"] |= {"hostname": "zero", "subdomain": "web"}
    (one,) = created(reconcile(a_service(clusterIP="None"), [pod]))
    assert one["endpoints"][0]["hostname"] == "zero"
    assert "service.kubernetes.io/headless" in one["metadata"]["labels"]


def test_a_service_without_pods_has_an_empty_slice() -> None:
    (one,) = created(reconcile(a_service(), []))
    assert one["endpoints"] == []


def test_what_stands_is_left_and_what_changed_is_patched() -> None:
    have = created(reconcile(a_service(), [a_pod("a")]))
    have[0]["metadata"]["uid"] = "e1"
    assert not [
        x for x in reconcile(a_service(), [a_pod("a")], have).actions if getattr(x, "resource", 0) is ENDPOINT_SLICES
    ]
    (change,) = [a for a in reconcile(a_service(), [a_pod("a", ready=False)], have).actions if isinstance(a, Patch)]
    assert change.name == have[0]["metadata"]["name"]
    assert change.body["endpoints"][0]["conditions"]["ready"] is False


def test_a_slice_that_nobody_needs_goes() -> None:
    pods = [a_pod(f"p{n:03}") for n in range(150)]
    have = created(reconcile(a_service(), pods))
    for number, one in enumerate(have):
        one["metadata"]["uid"] = str(number)
    deletions = [a for a in reconcile(a_service(), pods[:50], have).actions if isinstance(a, Delete)]
    assert len(deletions) == 1


def test_services_without_a_selector_are_left_alone() -> None:
    assert reconcile(a_service(selector=None), [a_pod("a")]).actions == ()
    assert reconcile(a_service(type="ExternalName"), [a_pod("a")]).actions == ()


def test_endpoints_for_older_clients() -> None:
    plan = reconcile(a_service(), [a_pod("a"), a_pod("b", ready=False)])
    (body,) = [a.body for a in plan.actions if isinstance(a, Create) and a.resource is ENDPOINTS]
    (subset,) = body["subsets"]
    assert [one["targetRef"]["name"] for one in subset["addresses"]] == ["a"]
    assert [one["targetRef"]["name"] for one in subset["notReadyAddresses"]] == ["b"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP", "appProtocol": "http"}]
    again = endpointslice.reconcile(a_service(), [a_pod("a"), a_pod("b", ready=False)], [], body, ZONES)
    assert not [a for a in again.actions if isinstance(a, Create | Patch) and a.resource is ENDPOINTS]

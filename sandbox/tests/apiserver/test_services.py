"""ClusterIPs and node ports."""

import copy
from typing import Any

import pytest

from linkerd_sandbox.apiserver.services import ServiceAddresses
from linkerd_sandbox.apiserver.status import StatusError
from linkerd_sandbox.apiserver.store import Store

Cluster = Any


def _service(store: Store, addresses: ServiceAddresses, name: str, **spec: Any) -> dict[str, Any]:
    body = addresses.allocated({"metadata": {"name": name, "namespace": "n"}, "spec": spec}, None)
    store.put("services", body, {})
    found: dict[str, Any] = body["spec"]
    return found


def test_addresses_are_given_once() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/27")
    given = [_service(store, addresses, f"s{index}")["clusterIP"] for index in range(15)]
    assert given == [f"10.43.0.{index}" for index in range(16, 31)]
    with pytest.raises(StatusError, match="range is full"):
        _service(store, addresses, "more")
    store.remove("services", {"metadata": {"name": "s3", "namespace": "n"}}, {})
    assert _service(store, addresses, "again")["clusterIP"] == "10.43.0.19"


def test_static_headless_and_external_services() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/16")
    assert addresses.address(10) == "10.43.0.10"
    assert _service(store, addresses, "dns", clusterIP="10.43.0.10")["clusterIPs"] == ["10.43.0.10"]
    assert _service(store, addresses, "a", clusterIP="None")["clusterIPs"] == ["None"]
    assert "clusterIP" not in _service(store, addresses, "b", type="ExternalName", externalName="x")
    for address in ("10.43.0.10", "10.44.0.1", "x"):
        with pytest.raises(StatusError) as caught:
            _service(store, addresses, "c", clusterIP=address)
        assert (caught.value.code, caught.value.reason) == (422, "Invalid")


def test_updates_keep_address_and_node_ports() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/16")
    old = {"spec": _service(store, addresses, "a", type="NodePort", ports=[{"port": 80, "protocol": "TCP"}])}
    ports = [{"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}]
    new = addresses.allocated({"metadata": {"name": "a"}, "spec": {"type": "NodePort", "ports": ports}}, old)["spec"]
    assert new["clusterIP"] == old["spec"]["clusterIP"]
    assert new["ports"][0]["nodePort"] == old["spec"]["ports"][0]["nodePort"]
    assert new["ports"][1]["nodePort"] != new["ports"][0]["nodePort"]


def test_another_type_loses_what_only_the_old_one_has() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/16")
    ports = [{"name": "a", "port": 80, "protocol": "TCP"}]
    old = {
        "spec": _service(
            store, addresses, "a", type="LoadBalancer", externalTrafficPolicy="Local", ports=copy.deepcopy(ports)
        )
    }
    assert old["spec"]["healthCheckNodePort"] not in (None, old["spec"]["ports"][0]["nodePort"])

    def changed(**spec: Any) -> dict[str, Any]:
        body = {"metadata": {"name": "a"}, "spec": copy.deepcopy(old["spec"]) | spec}
        found: dict[str, Any] = addresses.allocated(body, old)["spec"]
        return found

    exposed = changed(type="NodePort")
    assert exposed["ports"] == old["spec"]["ports"]
    assert "healthCheckNodePort" not in exposed
    inside = changed(type="ClusterIP")
    assert (inside["ports"], inside["clusterIP"]) == (ports, old["spec"]["clusterIP"])
    assert not {"healthCheckNodePort", "externalTrafficPolicy"} & inside.keys()
    assert changed(type="ExternalName", externalName="a.b")["ports"] == ports
    assert "healthCheckNodePort" not in changed(externalTrafficPolicy="Cluster")


def test_dual_stack() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/16,fd00:10:43::/112")
    assert addresses.address(10) == "10.43.0.10"
    single = _service(store, addresses, "single")
    assert (single["ipFamilies"], single["clusterIPs"]) == (["IPv4"], ["10.43.0.16"])
    six = _service(store, addresses, "six", ipFamilies=["IPv6"])
    assert (six["ipFamilies"], six["clusterIP"]) == (["IPv6"], "fd00:10:43::10")
    both = _service(store, addresses, "both", ipFamilyPolicy="PreferDualStack")
    assert both["clusterIPs"] == ["10.43.0.17", "fd00:10:43::11"]
    other = _service(store, addresses, "other", ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6"])
    assert (other["ipFamilies"], other["clusterIPs"]) == (["IPv6", "IPv4"], ["fd00:10:43::12", "10.43.0.18"])
    static = _service(store, addresses, "static", clusterIP="fd00:10:43::99")
    assert (static["ipFamilies"], static["clusterIPs"]) == (["IPv6"], ["fd00:10:43::99"])
    headless = _service(store, addresses, "none", clusterIP="None", ipFamilyPolicy="PreferDualStack")
    assert (headless["clusterIPs"], headless["ipFamilies"]) == (["None"], ["IPv4", "IPv6"])


def test_a_service_becomes_dual_stack_and_single_again() -> None:
    store = Store()
    addresses = ServiceAddresses(store, "10.43.0.0/16,fd00:10:43::/112")
    old = {"spec": _service(store, addresses, "a")}

    def changed(policy: str, before: dict[str, Any]) -> dict[str, Any]:
        spec = {"ipFamilyPolicy": policy, "clusterIP": before["spec"]["clusterIP"]}
        return addresses.allocated({"metadata": {"name": "a"}, "spec": spec}, before)

    both = changed("PreferDualStack", old)
    assert both["spec"]["clusterIPs"] == ["10.43.0.16", "fd00:10:43::10"]
    assert changed("SingleStack", both)["spec"]["clusterIPs"] == ["10.43.0.16"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"ipFamilies": ["IPv6"]}, "spec.ipFamilies[0]"),
        ({"ipFamilyPolicy": "RequireDualStack"}, "spec.ipFamilyPolicy"),
        ({"clusterIP": "fd00::1"}, "spec.clusterIPs"),
    ],
)
def test_one_family_has_no_other(spec: dict[str, Any], field: str) -> None:
    addresses = ServiceAddresses(Store(), "10.43.0.0/16")
    with pytest.raises(StatusError) as caught:
        _service(Store(), addresses, "a", **spec)
    assert [cause["field"] for cause in (caught.value.details or {})["causes"]] == [field]


@pytest.mark.parametrize("address", ["10.43.200.200", "None"])
async def test_an_address_that_was_given_stays(cluster: Cluster, address: str) -> None:
    path = "/api/v1/namespaces/default/services"
    await cluster.api("POST", path, {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})
    patch = {"spec": {"clusterIP": address}}
    code, refusal = await cluster.api("PATCH", f"{path}/a", patch, media="application/merge-patch+json")
    assert (code, refusal["details"]["causes"][0]["field"]) == (422, "spec.clusterIPs[0]")

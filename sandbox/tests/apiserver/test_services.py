"""ClusterIPs and node ports."""

from typing import Any

import pytest

from linkerd_sandbox.apiserver.services import ServiceAddresses
from linkerd_sandbox.apiserver.status import StatusError
from linkerd_sandbox.apiserver.store import Store


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

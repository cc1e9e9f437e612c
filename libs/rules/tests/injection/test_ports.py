"""Ports: what the proxy is told, and opaque ports."""

import pytest

from linkerd_rules.injection.ports import container_ports, inbound_ports, numeric, opaque_of_pod, opaque_of_service

DEFAULT = "25,587,3306,4444,5432,6379,9300,11211"
OPAQUE = "config.linkerd.io/opaque-ports"
SPEC: dict[str, object] = {
    "initContainers": [
        {"name": "side", "restartPolicy": "Always", "ports": [{"containerPort": 7000}]},
        {"name": "linkerd-proxy", "ports": [{"containerPort": 4143}]},
    ],
    "containers": [
        {
            "name": "app",
            "ports": [
                {"containerPort": 8080, "name": "http"},
                {"containerPort": 3306, "name": "mysql"},
                {"containerPort": 53, "protocol": "UDP", "name": "dns"},
                {"containerPort": 0},
                {"name": "none"},
            ],
            "livenessProbe": {"httpGet": {"port": 9000}},
            "readinessProbe": {"httpGet": {"port": "http"}},
            "startupProbe": {"exec": {}},
        }
    ],
}


def test_container_ports_are_the_apps_over_tcp() -> None:
    assert container_ports(SPEC) == {7000: "", 8080: "http", 3306: "mysql"}


def test_inbound_ports_are_sorted_as_strings() -> None:
    assert inbound_ports(SPEC) == "3306,7000,8080,9000"


def test_names_become_numbers() -> None:
    assert numeric("25,mysql,100-200,nothing", SPEC) == ("25,3306,100-200", ["nothing"])
    assert numeric("", SPEC) == ("", [])


def test_opaque_of_pod() -> None:
    assert opaque_of_pod({}, SPEC, {}, DEFAULT) == "3306"
    assert opaque_of_pod({}, SPEC, {OPAQUE: "1-2 , x"}, DEFAULT) == "1-2 , x"
    assert opaque_of_pod({OPAQUE: ""}, SPEC, {OPAQUE: "1"}, DEFAULT) == ""
    assert opaque_of_pod({}, SPEC, {}, "http,100-200") == "8080"
    assert opaque_of_pod({}, {"containers": [{}]}, {}, DEFAULT) == ""


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([{"port": 3306}], "3306"),
        ([{"port": 3306, "targetPort": 0}], "3306"),
        ([{"port": 80, "targetPort": 3306}], "80"),
        ([{"port": 3306, "targetPort": 80}], ""),
        ([{"port": 3306, "targetPort": "mysql"}], ""),
        ([{"port": 3306}, {"port": 80}, {"port": 25}], "3306,25"),
        ([], ""),
    ],
)
def test_opaque_of_service(ports: list[object], expected: str) -> None:
    assert opaque_of_service({"metadata": {}, "spec": {"ports": ports}}, {}, DEFAULT) == expected


def test_a_service_inherits_word_for_word() -> None:
    service: dict[str, object] = {"spec": {"ports": [{"port": 80}]}}
    assert opaque_of_service(service, {OPAQUE: " 80"}, DEFAULT) == " 80"
    own: dict[str, object] = {"metadata": {"annotations": {OPAQUE: ""}}, **service}
    assert opaque_of_service(own, {OPAQUE: "80"}, DEFAULT) == ""

"""The sidecar's environment: what depends on what."""

import pytest

from linkerd_rules.injection import InjectConfig, ProxyConfig
from linkerd_rules.injection.env import proxy_env, service_addr

SPEC: dict[str, object] = {"containers": [{"name": "app", "ports": [{"containerPort": 3306, "name": "mysql"}]}]}


def env(**changes: object) -> dict[str, object]:
    proxy = ProxyConfig(**changes)  # type: ignore[arg-type]
    variables, _ = proxy_env(InjectConfig("PEM"), proxy, SPEC)
    names = [variable["name"] for variable in variables]
    assert len(names) == len(set(names))
    return {str(v["name"]).removeprefix("LINKERD2_PROXY_"): v.get("value", v.get("valueFrom")) for v in variables}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"CORES": None, "CORES_MIN": None, "CORES_MAX": None, "ACCESS_LOG": None, "INGRESS_MODE": None}),
        ({"cpu_limit": "1500m"}, {"CORES": "2", "CORES_MIN": "1", "CORES_MAX": "2"}),
        ({"cpu_ratio_limit": 0.5}, {"CORES_MAX_RATIO": "0.5", "CORES_MIN": "1", "CORES": None}),
        ({"log_http_headers": "insecure", "log_level": "debug"}, {"LOG": "debug"}),
        ({"log_level": "debug"}, {"LOG": "debug,[{headers}]=off,[{request}]=off"}),
        ({"ingress": True}, {"INGRESS_MODE": "true"}),
        ({"gateway": True}, {"INBOUND_GATEWAY_SUFFIXES": "svc.cluster.local."}),
        ({"external_profiles": True}, {"DESTINATION_PROFILE_SUFFIXES": "."}),
        ({"opaque_ports": "25,mysql"}, {"INBOUND_PORTS_DISABLE_PROTOCOL_DETECTION": "25,3306"}),
        ({"require_identity_ports": "80"}, {"INBOUND_PORTS_REQUIRE_IDENTITY": "80"}),
        ({"disable_inbound_detect_timeout": True}, {"INBOUND_DETECT_TIMEOUT": "365d", "OUTBOUND_DETECT_TIMEOUT": None}),
        ({"disable_outbound_detect_timeout": True}, {"OUTBOUND_DETECT_TIMEOUT": "365d"}),
        (
            {"access_log": "json", "shutdown_grace_period": "1000ms"},
            {"ACCESS_LOG": "json", "SHUTDOWN_GRACE_PERIOD": "1000ms"},
        ),
        (
            {"admin_port": 5191, "outbound_port": 5140},
            {"ADMIN_LISTEN_ADDR": "0.0.0.0:5191", "OUTBOUND_LISTEN_ADDR": "127.0.0.1:5140"},
        ),
        ({"metrics_hostname_labels": True}, {"OUTBOUND_METRICS_HOSTNAME_LABELS": "true"}),
        ({"additional_env": ({"name": "LINKERD2_PROXY_LOG", "value": "mine"},)}, {"LOG": "mine"}),
        ({"default_inbound_policy": "deny"}, {"INBOUND_DEFAULT_POLICY": "deny"}),
    ],
)
def test_settings_become_variables(changes: dict[str, object], expected: dict[str, str | None]) -> None:
    variables = env(**changes)
    assert {name: variables.get(name) for name in expected} == expected


def test_listeners_of_both_families_where_ipv6_is_meshed() -> None:
    found, _ = proxy_env(InjectConfig("PEM", ipv6=True), ProxyConfig(), SPEC)
    listeners = {str(one["name"]).removeprefix("LINKERD2_PROXY_"): one.get("value") for one in found}
    assert {name: value for name, value in listeners.items() if "LISTEN" in name} == {
        "CONTROL_LISTEN_ADDR": "[::]:4190",
        "ADMIN_LISTEN_ADDR": "[::]:4191",
        "OUTBOUND_LISTEN_ADDR": "127.0.0.1:4140",
        "OUTBOUND_LISTEN_ADDRS": "127.0.0.1:4140,[::1]:4140",
        "INBOUND_LISTEN_ADDR": "[::]:4143",
    }


def test_helpers_stand_before_what_expands_them() -> None:
    variables, _ = proxy_env(InjectConfig("PEM"), ProxyConfig(), SPEC)
    seen: set[str] = set()
    for variable in variables:
        value = str(variable.get("value", ""))
        for part in value.split("$(")[1:]:
            assert part.partition(")")[0] in seen
        seen.add(str(variable["name"]))


def test_unknown_port_names_warn() -> None:
    _, warnings = proxy_env(InjectConfig("PEM"), ProxyConfig(opaque_ports="redis"), SPEC)
    assert len(warnings) == 1
    assert "'redis'" in warnings[0]


def test_addresses_end_the_search_list() -> None:
    config = InjectConfig("PEM", control_plane_namespace="l5d", cluster_domain="example.org")
    assert service_addr(config, "linkerd-dst-headless", 8086) == "linkerd-dst-headless.l5d.svc.example.org.:8086"

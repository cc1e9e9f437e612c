"""The values document: defaults, overrides, and bad values that are named and left out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_rules.injection import InjectConfig, ProxyConfig, from_values


def read(values: dict[str, object]) -> tuple[InjectConfig, list[str]]:
    return from_values(values, trust_anchors="PEM", control_plane_namespace="linkerd", native_sidecars=True)


def test_no_values_are_the_defaults() -> None:
    assert read({}) == (InjectConfig(trust_anchors="PEM"), [])


def test_helm_names() -> None:
    config, warnings = read(
        {
            "linkerdVersion": "1.2.3",
            "clusterDomain": "example.org",
            "clusterNetworks": "10.0.0.0/8",
            "imagePullPolicy": "Always",
            "proxy": {
                "image": {"name": "registry.example/proxy"},
                "logLevel": "debug",
                "defaultInboundPolicy": "deny",
                "await": False,
                "uid": 2200,
                "ports": {"inbound": 5143},
                "opaquePorts": "",
                "resources": {"cpu": {"limit": "1", "request": "100m"}, "memory": {"limit": "250Mi"}},
                "inboundConnectTimeout": "200ms",
                "additionalEnv": [{"name": "A", "value": "1"}],
                "waitBeforeExitSeconds": 5,
            },
            "proxyInit": {"ignoreInboundPorts": "4567", "runAsRoot": True, "iptablesMode": "legacy", "logLevel": ""},
            "disableIPv6": False,
        }
    )
    proxy = config.proxy
    assert warnings == []
    assert (config.version, proxy.version, proxy.image) == ("1.2.3", "1.2.3", "registry.example/proxy")
    assert (config.cluster_domain, config.trust_domain) == ("example.org", "example.org")
    assert (proxy.pull_policy, proxy.log_level, proxy.default_inbound_policy) == ("Always", "debug", "deny")
    assert (proxy.await_proxy, proxy.uid, proxy.inbound_port, proxy.opaque_ports) == (False, 2200, 5143, "")
    assert (proxy.cpu_limit, proxy.cpu_request, proxy.memory_limit) == ("1", "100m", "250Mi")
    assert (proxy.inbound_connect_timeout, proxy.wait_before_exit_seconds) == ("200ms", 5)
    assert proxy.additional_env == ({"name": "A", "value": "1"},)
    assert (proxy.skip_inbound_ports, proxy.skip_outbound_ports) == ("4567", "4567,4568")
    assert config.ipv6
    assert not read({})[0].ipv6, "as Linkerd's chart"
    assert (config.init_run_as_root, config.init_iptables_mode, config.init_log_level) == (True, "legacy", "")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"proxy": {"uid": "root"}}, "proxy.uid"),
        ({"proxy": {"ports": {"admin": 70000}}}, "proxy.ports.admin"),
        ({"proxy": {"logLevel": ["a"]}}, "proxy.logLevel"),
        ({"proxy": {"defaultInboundPolicy": "open"}}, "proxy.defaultInboundPolicy"),
        ({"proxy": {"additionalEnv": "x"}}, "proxy.additionalEnv"),
        ({"proxyInit": {"ignoreInboundPorts": "http"}}, "proxyInit.ignoreInboundPorts"),
        ({"cniEnabled": True}, "cniEnabled"),
        ({"identity": {"serviceAccountTokenProjection": False}}, "identity.serviceAccountTokenProjection"),
    ],
)
def test_a_bad_value_is_named_and_the_default_used(values: dict[str, object], name: str) -> None:
    config, warnings = read(values)
    assert config.proxy == ProxyConfig()
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{name}:")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
TOP = ("proxy", "proxyInit", "identity", "clusterDomain", "clusterNetworks", "linkerdVersion", "debugContainer")
PROXY = ("image", "ports", "resources", "uid", "logLevel", "opaquePorts", "additionalEnv", "await", "runtime")


@given(st.dictionaries(st.sampled_from(TOP), JSON | st.dictionaries(st.sampled_from(PROXY), JSON)))
def test_no_values_document_raises(values: dict[str, object]) -> None:
    config, _ = read(json.loads(json.dumps(values)))
    assert config.proxy.uid > 0

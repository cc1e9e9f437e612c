"""The installation's values and the trust bundle."""

import json

import pytest

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.watch import values, wire

BASE = ClusterConfig(trust_domain="t")


def config_map(text: str | None) -> wire.ConfigMap:
    document = {"metadata": {"name": "linkerd-config"}, "data": None if text is None else {"values": text}}
    return values.config_map(json.dumps(document).encode())


def test_values_in_force() -> None:
    text = json.dumps(
        {
            "clusterNetworks": "10.0.0.0/8, fd00::/8",
            "proxy": {"defaultInboundPolicy": "deny", "opaquePorts": "25", "other": 1},
            "identity": {},
        }
    )
    config, problems = values.cluster_config(BASE, config_map(text))
    assert problems == []
    assert config.default_inbound_policy == "deny"
    assert config.cluster_networks == ("10.0.0.0/8", "fd00::/8")
    assert config.opaque_ports == "25"
    assert config.trust_domain == "t"


@pytest.mark.parametrize("read", [None, config_map(None), config_map(""), config_map("{}")])
def test_defaults(read: wire.ConfigMap | None) -> None:
    assert values.cluster_config(BASE, read) == (BASE, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"proxy":{"defaultInboundPolicy":"x"}}', "proxy.defaultInboundPolicy: 'x' is not one of all-"),
        ('{"proxy":{"opaquePorts":"9-1"}}', "proxy.opaquePorts: '9-1'"),
        ('{"clusterNetworks":"10/8"}', "clusterNetworks: '10/8'"),
        ('{"proxy":7}', "values: Expected `object`"),
        ("proxy: {}", "values: "),
    ],
)
def test_a_bad_value_is_passed_over(text: str, problem: str) -> None:
    config, problems = values.cluster_config(BASE, config_map(text))
    assert config == BASE
    [message] = problems
    assert message.startswith(problem)


def test_trust_bundle() -> None:
    raw = b'{"metadata":{"name":"r"},"data":{"ca-bundle.crt":" PEM \\n"}}'
    assert values.trust_bundle(values.config_map(raw)) == "PEM"
    assert values.trust_bundle(config_map(None)) == ""

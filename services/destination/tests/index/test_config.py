"""Linkerd's defaults."""

import ipaddress

from linkerd_destination.index.config import INBOUND_POLICIES, ClusterConfig


def test_defaults() -> None:
    config = ClusterConfig()
    assert config.default_inbound_policy in INBOUND_POLICIES
    assert [ipaddress.ip_network(n).prefixlen for n in config.cluster_networks] == [8, 10, 12, 16, 8]
    assert config.opaque_ports == "25,587,3306,4444,5432,6379,9300,11211"

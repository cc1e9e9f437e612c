"""The installation's values, from the ConfigMap linkerd-config, and the trust bundle, from its own ConfigMap."""

import dataclasses
import ipaddress

import msgspec

from linkerd_contract import names
from linkerd_destination.index.config import INBOUND_POLICIES, ClusterConfig
from linkerd_destination.translate.ports import port_set
from linkerd_destination.watch import wire

_config_maps = msgspec.json.Decoder(wire.ConfigMap)


class ProxyValues(msgspec.Struct, rename="camel"):
    default_inbound_policy: str | None = None
    opaque_ports: str | None = None


class Values(msgspec.Struct, rename="camel"):
    """Names of Linkerd's Helm values."""

    cluster_networks: str | None = None
    proxy: ProxyValues = msgspec.field(default_factory=ProxyValues)


def config_map(raw: bytes) -> wire.ConfigMap:
    """A ConfigMap."""
    return _config_maps.decode(raw)


def trust_bundle(read: wire.ConfigMap) -> str:
    """PEM of the anchors; "" where there is none."""
    return (read.data or {}).get(names.TRUST_ROOTS_KEY, "").strip()


def cluster_config(base: ClusterConfig, read: wire.ConfigMap | None) -> tuple[ClusterConfig, list[str]]:
    """`base` with the values in force, and a message for each value that was passed over for its default."""
    text = (read.data or {}).get("values", "") if read is not None else ""
    if not text:
        return base, []
    try:
        values = msgspec.json.decode(text, type=Values)
    except ValueError as error:
        return base, [f"values: {error}"]
    problems: list[str] = []
    changes: dict[str, object] = {}
    policy = values.proxy.default_inbound_policy
    if policy in INBOUND_POLICIES:
        changes["default_inbound_policy"] = policy
    elif policy:
        problems.append(f"proxy.defaultInboundPolicy: {policy!r} is not one of {', '.join(INBOUND_POLICIES)}")
    if values.proxy.opaque_ports is not None:
        try:
            port_set(values.proxy.opaque_ports)
            changes["opaque_ports"] = values.proxy.opaque_ports
        except ValueError as error:
            problems.append(f"proxy.opaquePorts: {error}")
    if values.cluster_networks:
        try:
            networks = [n.strip() for n in values.cluster_networks.split(",") if n.strip()]
            changes["cluster_networks"] = tuple(str(ipaddress.ip_network(n)) for n in networks)
        except ValueError as error:
            problems.append(f"clusterNetworks: {error}")
    return dataclasses.replace(base, **changes), problems  # type: ignore[arg-type]

"""PURE: whose addresses an event's are: pod, namespace, workload of both ends, from what the cluster lists."""

from dataclasses import dataclass

import msgspec

from linkerd_contract.tap import TapEvent, TapPeer
from linkerd_viz.inventory import Inventory, owners, parents_of

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Names:
    """Labels by IP address; those that several pods share (the host's) name nobody."""

    by_ip: dict[str, Labels]

    @classmethod
    def of(cls, inventory: Inventory) -> "Names":
        """As the cluster is now."""
        parents = parents_of(inventory)
        found: dict[str, Labels] = {}
        shared: set[str] = set()
        for pod in inventory.pods:
            ip = pod.status.pod_ip
            if not pod.active or not ip:
                continue
            if ip in found:
                shared.add(ip)
            found[ip] = {**owners(pod, parents), "serviceaccount": pod.spec.service_account_name}
        return cls({ip: labels for ip, labels in found.items() if ip not in shared})

    def named(self, event: TapEvent) -> TapEvent:
        """The event with both ends named; what the proxy knows itself stays."""
        return msgspec.structs.replace(
            event, source=self._peer(event.source), destination=self._peer(event.destination)
        )

    def _peer(self, peer: TapPeer) -> TapPeer:
        labels = self.by_ip.get(peer.ip)
        return peer if labels is None else TapPeer(peer.ip, peer.port, {**labels, **peer.metadata})

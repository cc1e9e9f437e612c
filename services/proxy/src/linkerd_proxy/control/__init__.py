"""The proxy's side of the control plane: discovery over one WebSocket, snapshots kept while they are in use."""

from linkerd_proxy.control.client import DiscoveryClient, Subscription

__all__ = ["DiscoveryClient", "Subscription"]

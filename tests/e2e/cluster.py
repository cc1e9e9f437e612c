"""The plugin's cluster, and what these tests' own application (tests/e2e/apps) does on it when it is told."""

from __future__ import annotations

import aiohttp

from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import PODS
from linkerd_sandbox.testing.cluster import CONTROL_PLANE, until
from linkerd_sandbox.testing.cluster import Cluster as PluginCluster
from linkerd_sandbox.testing.samples import sample

__all__ = ["CONTROL_PLANE", "Cluster", "sample", "until"]

CONTROL_PORT = 9900


class Cluster(PluginCluster):
    """With the application running."""

    def ask(self, namespace: str, app: str, operation: str, **arguments: object) -> JsonObject:
        """What an app's pod says after doing as it was told (tests/e2e/apps/peer.py), through a port-forward."""
        return self.do(self._ask(self.pod(namespace, app), {"operation": operation, **arguments}), 95)

    def left(self, namespace: str, selector: str) -> int:
        """How many pods there are, those on their way out included."""
        return len(self.do(self.client.get(PODS.path(namespace), {"labelSelector": selector}))["items"])

    async def _ask(self, pod: JsonObject, body: JsonObject) -> JsonObject:
        meta = pod["metadata"]
        async with (
            portforward.session(self.client, meta["namespace"], meta["name"], CONTROL_PORT) as http,
            http.post("/", json=body, timeout=aiohttp.ClientTimeout(total=90)) as response,
        ):
            assert response.status == 200, await response.text()
            said: JsonObject = await response.json(content_type=None)
            return said

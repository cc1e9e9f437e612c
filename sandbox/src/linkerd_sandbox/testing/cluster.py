"""A cluster as tests use it: commands as a user types them, objects through the API. Every call blocks.

Nothing here knows of the sandbox but `node_pid`: with another kubeconfig the same tests run on another cluster.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import TypeVar

from linkerd_kube import portforward
from linkerd_kube.client import KubeClient
from linkerd_kube.errors import ApiError, NotFound
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_kube.resources import DEPLOYMENTS, ENDPOINT_SLICES, ENDPOINT_SLICES_V1BETA1, PODS

T = TypeVar("T")
CONTROL_PLANE = "linkerd"


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """The first true value of `condition`. Raises AssertionError when the time is over, with the last value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}; last: {value!r}"
        time.sleep(0.1)
    return value


class Cluster:
    """One cluster, one environment of a user, one API client on an event loop of its own."""

    def __init__(self, environment: Mapping[str, str], directory: Path | None = None) -> None:
        self.environment = dict(environment)
        self.directory = directory
        """The sandbox's; None on any other cluster."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client = self.do(KubeClient.connect(self.environment["KUBECONFIG"]))

    def close(self) -> None:
        """Ends the client and its loop."""
        self.do(self.client.close())
        self.do(asyncio.sleep(0.25))  # TLS connections say goodbye after close() has returned: aiohttp's own advice
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[object, object, T] | Awaitable[T], seconds: float = 120.0) -> T:
        """The result of a coroutine, from a test that is none."""

        async def bounded() -> T:
            async with asyncio.timeout(seconds):
                return await work

        return asyncio.run_coroutine_threadsafe(bounded(), self._loop).result()

    def run(
        self, *command: str, stdin: str = "", seconds: float = 120.0, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """A command as a user types it. Raises AssertionError with its output where it fails."""
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, env=self.environment, timeout=seconds
        )
        assert not check or done.returncode == 0, (
            f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done

    def apply(self, *objects: JsonObject, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`kubectl apply -f -`."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        return self.run("kubectl", "apply", "-f", "-", stdin=text, check=check)

    def get(self, resource: Resource, namespace: str | None, name: str) -> JsonObject | None:
        """An object; None where there is none."""
        try:
            return self.do(self.client.get(resource.path(namespace, name)))
        except NotFound:
            return None

    def delete(self, resource: Resource, namespace: str | None, name: str) -> None:
        """Asks for an object's end; does not wait for it."""
        self.do(self.client.delete(resource.path(namespace, name)))

    def patch(self, resource: Resource, namespace: str | None, name: str, body: JsonObject) -> None:
        """A merge patch."""
        self.do(self.client.patch(resource.path(namespace, name), body))

    def pods(self, namespace: str, selector: str) -> list[JsonObject]:
        """Those that are not on their way out."""
        return self.do(self.find_pods(namespace, selector))

    async def find_pods(self, namespace: str, selector: str) -> list[JsonObject]:
        """The same, for coroutines that `do` runs."""
        listed = await self.client.get(PODS.path(namespace), {"labelSelector": selector})
        pods: list[JsonObject] = listed["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, namespace: str, app: str) -> JsonObject:
        """The one pod of an app."""
        (pod,) = self.pods(namespace, f"app={app}")
        return pod

    def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Ask for so many."""
        self.patch(DEPLOYMENTS, namespace, name, {"spec": {"replicas": replicas}})

    def available(self, namespace: str, name: str) -> bool:
        """Whether a Deployment's rollout is complete: every pod new, ready, and none of the old ones left."""
        found = self.get(DEPLOYMENTS, namespace, name)
        assert found is not None, name
        wanted, status = found["spec"]["replicas"], found.get("status", {})
        counts = [int(status.get(key, 0)) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        return status.get("observedGeneration") == found["metadata"]["generation"] and counts == [wanted] * 3

    def await_available(self, namespace: str, *names: str, seconds: float = 120.0) -> None:
        """Until the rollouts of these Deployments are complete."""
        for name in names:
            until(lambda name=name: self.available(namespace, name), seconds, f"{namespace}/{name} available")  # type: ignore[misc]

    def endpoints(self, namespace: str, service: str) -> int:
        """How many pods a Service leads to by now: that follows their readiness a moment later."""
        selector = {"labelSelector": f"kubernetes.io/service-name={service}"}
        try:
            listed = self.do(self.client.get(ENDPOINT_SLICES.path(namespace), selector))
        except NotFound:  # Kubernetes before 1.21
            listed = self.do(self.client.get(ENDPOINT_SLICES_V1BETA1.path(namespace), selector))
        slices: list[JsonObject] = listed["items"]
        found = [endpoint for part in slices for endpoint in part.get("endpoints") or ()]
        return sum(endpoint.get("conditions", {}).get("ready") is not False for endpoint in found)

    def await_endpoints(self, namespace: str, service: str, count: int = 1, seconds: float = 60.0) -> None:
        """Until a Service leads to so many pods."""
        until(lambda: self.endpoints(namespace, service) >= count, seconds, f"{namespace}/{service} leads to {count}")

    def proxy_metrics(self, namespace: str, app: str) -> list[str]:
        """The lines of /metrics of a pod's sidecar."""
        name = self.pod(namespace, app)["metadata"]["name"]
        text = self.do(portforward.http_get(self.client, namespace, name, 4191, "/metrics"))
        return text.decode().splitlines()

    def logs(self, namespace: str, app: str, container: str = "linkerd-proxy") -> str:
        """The log of a pod's container."""
        name = self.pod(namespace, app)["metadata"]["name"]
        try:
            return self.do(self.client.get_text(PODS.path(namespace, name, "log"), {"container": container}))
        except ApiError as error:
            return str(error)

    @property
    def node_pid(self) -> int | None:
        """The process id of the sandbox's first process, whose network namespace is the node's."""
        if self.directory is None:
            return None
        return int(json.loads((self.directory / "state.json").read_text())["pid"])

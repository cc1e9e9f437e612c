"""The kubelet: follows the pods that are bound to this node and runs one `Pod` for each; registers the node.

An API client and nothing else: a real kube-apiserver can stand where ours does.
"""

import asyncio
import logging
import os
import platform
from collections.abc import Sequence
from typing import Final

from linkerd_kube.client import KubeClient
from linkerd_kube.errors import AlreadyExists, ApiError, NotFound
from linkerd_kube.objects import JsonObject, ObjectRef
from linkerd_kube.reflector import Reflector
from linkerd_kube.resources import CONFIG_MAPS, LEASES, NODES, PODS, SECRETS
from linkerd_sandbox.fields import dig
from linkerd_sandbox.kubelet.node import Node, cpus, memory_bytes, timestamp
from linkerd_sandbox.kubelet.pod import Pod

log = logging.getLogger(__name__)
_LEASE_NAMESPACE: Final = "kube-node-lease"
_RENEW_SECONDS: Final = 10.0
_MAX_PODS: Final = "110"


class Cache:
    """Objects of a kind that pods read (ConfigMaps, Secrets), and who wants to hear of changes."""

    def __init__(self, kubelet: "Kubelet") -> None:
        self._kubelet = kubelet

    def on_listed(self, objs: list[JsonObject], /) -> None:
        for obj in objs:
            self.on_applied(obj)

    def on_applied(self, obj: JsonObject, /) -> None:
        self._kubelet.refresh(str(obj["metadata"].get("namespace", "")))

    def on_deleted(self, obj: JsonObject, /) -> None:
        self.on_applied(obj)


class Kubelet:
    """Runs the pods of one node."""

    def __init__(self, client: KubeClient, node_name: str) -> None:
        self._client = client
        self._node_name = node_name
        self._node: Node | None = None
        self._group: asyncio.TaskGroup | None = None
        self.pods: dict[str, Pod] = {}
        """By uid: a name may have a successor while its last bearer is still ending."""
        self._config_maps = Reflector(client, CONFIG_MAPS, Cache(self))
        self._secrets = Reflector(client, SECRETS, Cache(self))
        self._pods = Reflector(client, PODS, self, field_selector=f"spec.nodeName={node_name}")

    # -- what pods ask for ------------------------------------------------------------------------------------------

    def config_map(self, namespace: str, name: str) -> JsonObject | None:
        return self._config_maps.get(namespace, name)

    def secret(self, namespace: str, name: str) -> JsonObject | None:
        return self._secrets.get(namespace, name)

    def refresh(self, namespace: str) -> None:
        for pod in self.pods.values():
            if pod.namespace == namespace:
                pod.refresh()

    def find(self, namespace: str, name: str) -> Pod | None:
        """The pod of that name; the newest where an older one is still ending."""
        found = [pod for pod in self.pods.values() if (pod.namespace, pod.name) == (namespace, name)]
        return found[-1] if found else None

    # -- reflector handler ------------------------------------------------------------------------------------------

    def on_listed(self, objs: list[JsonObject], /) -> None:
        there = {str(obj["metadata"]["uid"]) for obj in objs}
        for uid, pod in self.pods.items():
            if uid not in there:
                pod.removed()
        for obj in objs:
            self.on_applied(obj)

    def on_applied(self, obj: JsonObject, /) -> None:
        uid = str(obj["metadata"]["uid"])
        pod = self.pods.get(uid)
        if pod is None:
            if dig(obj, "status", "phase") in ("Succeeded", "Failed") and not dig(obj, "metadata", "deletionTimestamp"):
                return  # of a supervisor before this one
            assert self._node is not None
            assert self._group is not None
            pod = self.pods[uid] = Pod(self._node, obj)
            self._group.create_task(self._run(pod))
        pod.update(obj)

    def on_deleted(self, obj: JsonObject, /) -> None:
        pod = self.pods.get(str(obj["metadata"]["uid"]))
        if pod is not None:
            pod.removed()

    async def _run(self, pod: Pod) -> None:
        try:
            await pod.run()
        except Exception:
            # one pod's fault must not end the node; the group would end everything
            log.exception("pod %s/%s", pod.namespace, pod.name)
        finally:
            self.pods.pop(pod.uid, None)

    # -- life -------------------------------------------------------------------------------------------------------

    async def run(self, node: Node) -> None:
        """Forever."""
        self._node = node
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._config_maps.run())
            group.create_task(self._secrets.run())
            await self._config_maps.synced.wait()
            await self._secrets.synced.wait()
            await self._register(node)
            group.create_task(self._renew())
            group.create_task(self._pods.run())

    async def _register(self, node: Node) -> None:
        body = node_object(self._node_name, node.ips, node.pod_cidrs)
        status = body["status"]
        try:
            created = await self._client.create(NODES.path(), body)
        except AlreadyExists:
            created = await self._client.get(NODES.path(name=self._node_name))
        await self._client.patch(NODES.path(name=self._node_name, subresource="status"), {"status": status})
        reference = ObjectRef("Node", self._node_name, "", str(created["metadata"].get("uid", "")))
        node.events.normal(reference, "NodeReady", f"Node {self._node_name} status is now: NodeReady")

    async def _renew(self) -> None:
        """The node's heartbeat: its Lease."""
        path = LEASES.path(_LEASE_NAMESPACE, self._node_name)
        while True:
            spec: JsonObject = {
                "holderIdentity": self._node_name,
                "leaseDurationSeconds": 40,
                "renewTime": timestamp().replace("Z", ".000000Z"),
            }
            try:
                await self._client.patch(path, {"spec": spec})
            except NotFound:
                await self._create_lease(spec)
            except ApiError as error:
                log.warning("node lease: %s", error)
            await asyncio.sleep(_RENEW_SECONDS)

    async def _create_lease(self, spec: JsonObject) -> None:
        body: JsonObject = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._node_name, "namespace": _LEASE_NAMESPACE},
            "spec": spec,
        }
        try:
            await self._client.create(LEASES.path(_LEASE_NAMESPACE), body)
        except ApiError as error:
            log.warning("node lease: %s", error)


def node_object(name: str, ips: Sequence[str], pod_cidrs: Sequence[str]) -> JsonObject:
    """The Node with its status, as `kubectl describe node` wants it."""
    now = timestamp()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": machine,
        "node-role.kubernetes.io/control-plane": "",
        "topology.kubernetes.io/zone": "local",
    }
    addresses = [{"type": "InternalIP", "address": ip} for ip in ips] + [{"type": "Hostname", "address": name}]
    capacity = {"cpu": str(cpus()), "memory": f"{memory_bytes() // 1024}Ki", "pods": _MAX_PODS}
    conditions = [
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": pod_cidrs[0], "podCIDRs": list(pod_cidrs), "providerID": f"linkerd-sandbox://{name}"},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": addresses,
            "conditions": [
                {
                    "type": kind,
                    "status": status,
                    "reason": reason,
                    "message": message,
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
                for kind, status, reason, message in conditions
            ],
            "nodeInfo": _node_info(machine),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        },
    }


def _node_info(machine: str) -> JsonObject:
    with open("/proc/sys/kernel/random/boot_id") as file:  # noqa: PTH123
        boot_id = file.read().strip()
    release = platform.freedesktop_os_release() if os.path.exists("/etc/os-release") else {}  # noqa: PTH110
    return {
        "architecture": machine,
        "bootID": boot_id,
        "containerRuntimeVersion": "linkerd-sandbox://0.1.0",
        "kernelVersion": platform.release(),
        "kubeProxyVersion": "linkerd-sandbox",
        "kubeletVersion": "v1.32.0-linkerd-sandbox",
        "machineID": boot_id,
        "operatingSystem": "linux",
        "osImage": release.get("PRETTY_NAME", "Linux"),
        "systemUUID": boot_id,
    }

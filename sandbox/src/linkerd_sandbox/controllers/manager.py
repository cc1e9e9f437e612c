"""All controllers of the sandbox, over shared informers. An API client and nothing else."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.events import EventRecorder
from linkerd_kube.objects import JsonObject
from linkerd_kube.resource import Resource
from linkerd_sandbox.controllers import (
    cronjob,
    daemonset,
    deployment,
    disruption,
    endpointslice,
    history,
    job,
    namespace,
    nodelifecycle,
    podgc,
    protection,
    replicaset,
    rollout,
    scheduler,
    serviceaccount,
    signer,
    statefulset,
)
from linkerd_sandbox.controllers.actions import Key, Plan
from linkerd_sandbox.controllers.collector import Collector
from linkerd_sandbox.controllers.controller import Controller, Executor
from linkerd_sandbox.controllers.informer import Informer, key_of, uid_of
from linkerd_sandbox.fields import dig, dig_map, labels_of, owner_of

_WATCHED: Final = (
    resources.PODS,
    resources.SERVICES,
    resources.ENDPOINT_SLICES,
    resources.ENDPOINTS,
    resources.DEPLOYMENTS,
    resources.REPLICA_SETS,
    resources.STATEFUL_SETS,
    resources.DAEMON_SETS,
    resources.JOBS,
    resources.CRON_JOBS,
    resources.POD_DISRUPTION_BUDGETS,
    resources.NAMESPACES,
    resources.SERVICE_ACCOUNTS,
    resources.NODES,
    resources.CONFIG_MAPS,
    resources.SECRETS,
    resources.PERSISTENT_VOLUME_CLAIMS,
    protection.VOLUMES,
    signer.REQUESTS,
    history.CONTROLLER_REVISIONS,
)
_POD_OWNERS: Final = {
    resources.STATEFUL_SETS: "statefulset",
    resources.DAEMON_SETS: "daemonset",
    resources.JOBS: "job",
}
_SCALED: Final = (resources.REPLICA_SETS, resources.STATEFUL_SETS)
_ZONE: Final = "topology.kubernetes.io/zone"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Manager:
    """Builds the controllers and runs them."""

    def __init__(self, client: KubeClient, ca_pem: str, sign: signer.Sign) -> None:
        self._client = client
        self._sign = sign
        self._ca_pem = ca_pem
        self._informers = {resource: Informer(client, resource) for resource in _WATCHED}
        self._kinds = {(kind.api_version, kind.kind): kind for kind in _WATCHED}
        controllers = "deployment replicaset statefulset daemonset job cronjob disruption"
        controllers += " endpointslice serviceaccount namespace nodelifecycle podgc claims volumes signer"
        self._controllers = {name: self._controller(name, f"{name}-controller") for name in controllers.split()}
        self._controllers["scheduler"] = self._controller("scheduler", "default-scheduler")
        self._collector = Collector(client, self._informers.values())
        self._missed: dict[str, float] = {}
        """Node that is not there -> since when pods on it are known (monotonic seconds)."""
        self._connect()

    def _controller(self, name: str, component: str) -> Controller:
        """`component` is whom Events name as their source."""
        executor = Executor(self._client, self._informers, EventRecorder(self._client, component))
        return Controller(name, getattr(self, f"_{name}"), executor)

    def _of(self, resource: Resource) -> Informer:
        return self._informers[resource]

    def _connect(self) -> None:
        """Which changes concern which controller's which key."""
        queues = self._controllers

        def own(name: str) -> Callable[[JsonObject], None]:
            return lambda obj: queues[name].enqueue(key_of(obj))

        def owner(name: str, kind: str) -> Callable[[JsonObject], None]:
            def tell(obj: JsonObject) -> None:
                reference = owner_of(obj)
                if reference is not None and reference.get("kind") == kind:
                    queues[name].enqueue((key_of(obj)[0], str(reference["name"])))

            return tell

        self._of(resources.DEPLOYMENTS).listen(own("deployment"))
        self._of(resources.REPLICA_SETS).listen(owner("deployment", "Deployment"))
        self._of(resources.REPLICA_SETS).listen(own("replicaset"))
        pods = self._of(resources.PODS)
        for kind, name in _POD_OWNERS.items():
            self._of(kind).listen(own(name))
            pods.listen(owner(name, kind.kind))
        self._of(resources.CRON_JOBS).listen(own("cronjob"))
        self._of(resources.JOBS).listen(owner("cronjob", "CronJob"))
        self._of(resources.POD_DISRUPTION_BUDGETS).listen(own("disruption"))
        pods.listen(self._budgets_of_pod)
        pods.listen(owner("replicaset", "ReplicaSet"))
        pods.listen(self._pod_of_recreated)
        pods.listen(self._services_of_pod)
        pods.listen(lambda pod: queues["scheduler"].enqueue(key_of(pod)) if scheduler.needs_node(pod) else None)
        pods.listen(own("podgc"))
        pods.listen(self._claims_of_pod)
        self._of(resources.PERSISTENT_VOLUME_CLAIMS).listen(own("claims"))
        self._of(protection.VOLUMES).listen(own("volumes"))
        self._of(signer.REQUESTS).listen(own("signer"))
        self._of(resources.NODES).listen(self._schedule_all)
        self._of(resources.NODES).listen(self._daemons_of_node)
        self._of(resources.NODES).listen(own("nodelifecycle"))
        self._of(resources.SERVICES).listen(own("endpointslice"))
        self._of(resources.ENDPOINT_SLICES).listen(
            lambda one: queues["endpointslice"].enqueue((key_of(one)[0], endpointslice.service_of(one)))
        )
        self._of(resources.NAMESPACES).listen(own("namespace"))
        self._of(resources.NAMESPACES).listen(own("serviceaccount"))
        for kind in (resources.SERVICE_ACCOUNTS, resources.CONFIG_MAPS):
            self._of(kind).listen(lambda obj: queues["serviceaccount"].enqueue(("", key_of(obj)[0])))

    async def run(self) -> None:
        """Forever."""
        async with asyncio.TaskGroup() as group:
            for informer in self._informers.values():
                group.create_task(informer.run())
            for informer in self._informers.values():
                await informer.synced.wait()
            for controller in self._controllers.values():
                group.create_task(controller.run())
            group.create_task(self._collector.run())

    # -- listeners --------------------------------------------------------------------------------------------------

    def _pod_of_recreated(self, pod: JsonObject) -> None:
        """A Recreate rollout goes on when the last old pod is gone."""
        reference = owner_of(pod)
        if reference is None or reference.get("kind") != "ReplicaSet":
            return
        replica_set = self._of(resources.REPLICA_SETS).get((key_of(pod)[0], str(reference["name"])))
        controller = owner_of(replica_set) if replica_set is not None else None
        if controller is not None and controller.get("kind") == "Deployment":
            self._controllers["deployment"].enqueue((key_of(pod)[0], str(controller["name"])))

    def _services_of_pod(self, pod: JsonObject) -> None:
        labels = labels_of(pod)
        for service in self._of(resources.SERVICES).all(key_of(pod)[0]):
            selector = dig_map(service, "spec", "selector")
            if selector and selector.items() <= labels.items():
                self._controllers["endpointslice"].enqueue(key_of(service))

    def _budgets_of_pod(self, pod: JsonObject) -> None:
        for budget in self._of(resources.POD_DISRUPTION_BUDGETS).all(key_of(pod)[0]):
            if disruption.selects(budget, pod):
                self._controllers["disruption"].enqueue(key_of(budget))

    def _claims_of_pod(self, pod: JsonObject) -> None:
        for name in protection.claims_of(pod):
            self._controllers["claims"].enqueue((key_of(pod)[0], name))

    def _daemons_of_node(self, _node: JsonObject) -> None:
        for found in self._of(resources.DAEMON_SETS).all():
            self._controllers["daemonset"].enqueue(key_of(found))

    def _schedule_all(self, _node: JsonObject) -> None:
        for pod in self._of(resources.PODS).all():
            if scheduler.needs_node(pod):
                self._controllers["scheduler"].enqueue(key_of(pod))

    # -- reconcile: gather, then decide -----------------------------------------------------------------------------

    def _deployment(self, key: Key) -> Plan:
        found = self._of(resources.DEPLOYMENTS).get(key)
        if found is None:
            return Plan()
        owned = self._of(resources.REPLICA_SETS).controlled_by(uid_of(found))
        new = deployment.find_new(found, owned)
        pods = self._of(resources.PODS)
        old_pods = sum(len(pods.controlled_by(uid_of(one))) for one in owned if one is not new)
        return deployment.reconcile(found, owned, old_pods, _now())

    def _replicaset(self, key: Key) -> Plan:
        found = self._of(resources.REPLICA_SETS).get(key)
        if found is None:
            return Plan()
        pods = self._of(resources.PODS).controlled_by(uid_of(found))
        return replicaset.reconcile(found, pods, time.time())

    def _pods_of(self, owner: JsonObject) -> list[JsonObject]:
        return self._of(resources.PODS).controlled_by(uid_of(owner))

    def _revisions_of(self, owner: JsonObject) -> list[JsonObject]:
        return self._of(history.CONTROLLER_REVISIONS).controlled_by(uid_of(owner))

    def _statefulset(self, key: Key) -> Plan:
        found = self._of(resources.STATEFUL_SETS).get(key)
        if found is None:
            return Plan()
        pods = self._pods_of(found)
        in_use = {labels_of(pod).get(statefulset.REVISION, "") for pod in pods}
        revisions = history.record(found, self._revisions_of(found), statefulset.revision_of(found), in_use)
        plan = statefulset.reconcile(found, pods, time.time())
        return Plan([*revisions, *plan.actions], plan.again_in)

    def _daemonset(self, key: Key) -> Plan:
        found = self._of(resources.DAEMON_SETS).get(key)
        if found is None:
            return Plan()
        pods, name = self._pods_of(found), str(found["metadata"]["name"])
        in_use = {f"{name}-{labels_of(pod).get(daemonset.REVISION)}" for pod in pods}
        newest = f"{name}-{daemonset.revision_of(found)}"
        revisions = history.record(found, self._revisions_of(found), newest, in_use)
        plan = daemonset.reconcile(found, pods, self._of(resources.NODES).all(), time.time())
        return Plan([*revisions, *plan.actions], plan.again_in)

    def _job(self, key: Key) -> Plan:
        found = self._of(resources.JOBS).get(key)
        return Plan() if found is None else job.reconcile(found, self._pods_of(found), time.time())

    def _cronjob(self, key: Key) -> Plan:
        found = self._of(resources.CRON_JOBS).get(key)
        if found is None:
            return Plan()
        return cronjob.reconcile(found, self._of(resources.JOBS).controlled_by(uid_of(found)), time.time())

    def _disruption(self, key: Key) -> Plan:
        found = self._of(resources.POD_DISRUPTION_BUDGETS).get(key)
        if found is None:
            return Plan()

        def expected(owner: JsonObject) -> int | None:
            kind = self._kinds.get((str(owner.get("apiVersion")), str(owner.get("kind"))))
            there = self._of(kind).get((key[0], str(owner["name"]))) if kind is not None and kind in _SCALED else None
            return rollout.replicas_of(there) if there is not None else None

        return disruption.reconcile(found, self._of(resources.PODS).all(key[0]), expected, time.time())

    def _endpointslice(self, key: Key) -> Plan:
        found = self._of(resources.SERVICES).get(key)
        if found is None:
            return Plan()
        all_slices = self._of(resources.ENDPOINT_SLICES).all(key[0])
        slices = [one for one in all_slices if endpointslice.service_of(one) == key[1]]
        zones = {key_of(node)[1]: labels_of(node).get(_ZONE, "") for node in self._of(resources.NODES).all()}
        pods = self._of(resources.PODS).all(key[0])
        return endpointslice.reconcile(found, pods, slices, self._of(resources.ENDPOINTS).get(key), zones)

    def _serviceaccount(self, key: Key) -> Plan:
        found = self._of(resources.NAMESPACES).get(key)
        if found is None:
            return Plan()
        account = self._of(resources.SERVICE_ACCOUNTS).get((key[1], "default"))
        root_ca = self._of(resources.CONFIG_MAPS).get((key[1], serviceaccount.ROOT_CA))
        return serviceaccount.reconcile(found, account, root_ca, self._ca_pem)

    async def _namespace(self, key: Key) -> Plan:
        found = self._of(resources.NAMESPACES).get(key)
        return Plan() if found is None else await namespace.reconcile(self._client, found)

    def _nodelifecycle(self, key: Key) -> Plan:
        found = self._of(resources.NODES).get(key)
        return Plan() if found is None else nodelifecycle.reconcile(found)

    def _podgc(self, key: Key) -> Plan:
        pod = self._of(resources.PODS).get(key)
        if pod is None:
            return Plan()
        nodes = {key_of(node)[1] for node in self._of(resources.NODES).all()}
        for name in nodes & self._missed.keys():
            del self._missed[name]
        now = time.monotonic()
        node = str(dig(pod, "spec", "nodeName"))
        return podgc.reconcile(pod, nodes, now if node in nodes else self._missed.setdefault(node, now), now)

    def _claims(self, key: Key) -> Plan:
        found = self._of(resources.PERSISTENT_VOLUME_CLAIMS).get(key)
        if found is None:
            return Plan()
        return protection.reconcile(resources.PERSISTENT_VOLUME_CLAIMS, found, self._of(resources.PODS).all(key[0]))

    def _volumes(self, key: Key) -> Plan:
        found = self._of(protection.VOLUMES).get(key)
        return Plan() if found is None else protection.reconcile(protection.VOLUMES, found, ())

    def _signer(self, key: Key) -> Plan:
        found = self._of(signer.REQUESTS).get(key)
        return Plan() if found is None else signer.reconcile(found, self._sign, _now())

    async def _scheduler(self, key: Key) -> Plan:
        pod = self._of(resources.PODS).get(key)
        nodes = self._of(resources.NODES).all()
        if pod is None or not scheduler.needs_node(pod) or not nodes:
            return Plan()
        node = scheduler.choose(pod, nodes)
        if node is None:
            return scheduler.refusal(pod, nodes, _now())
        return await scheduler.bind(self._client, pod, str(node["metadata"]["name"]))

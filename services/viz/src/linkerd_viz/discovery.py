"""The cluster as viz sees it: reflectors of a few kinds, decoded to what is used."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from linkerd_kube import resources
from linkerd_kube.client import KubeClient
from linkerd_kube.reflector import Reflector
from linkerd_kube.resource import Resource
from linkerd_viz.inventory import Inventory, Named, Pod, Profile, Service, Split

T = TypeVar("T")

_WORKLOADS = {
    "deployment": resources.DEPLOYMENTS,
    "statefulset": resources.STATEFUL_SETS,
    "daemonset": resources.DAEMON_SETS,
}


class _Nobody(Generic[T]):
    """The reflector keeps the objects; they are read when someone asks."""

    def on_listed(self, objs: list[T], /) -> None:
        """Nothing follows."""

    def on_applied(self, obj: T, /) -> None:
        """Nothing follows."""

    def on_deleted(self, obj: T, /) -> None:
        """Nothing follows."""


class Discovery:
    """Run `run`; ask `inventory` once `synced` is set."""

    def __init__(self, client: KubeClient) -> None:
        def reflect(resource: Resource, decode: Callable[[bytes], T]) -> Reflector[T]:
            return Reflector(client, resource, _Nobody[T](), decode=decode)

        named = msgspec.json.Decoder(Named).decode
        self._pods = reflect(resources.PODS, msgspec.json.Decoder(Pod).decode)
        self._services = reflect(resources.SERVICES, msgspec.json.Decoder(Service).decode)
        self._namespaces = reflect(resources.NAMESPACES, named)
        self._replica_sets = reflect(resources.REPLICA_SETS, named)
        self._jobs = reflect(resources.JOBS, named)
        self._workloads = {kind: reflect(resource, named) for kind, resource in _WORKLOADS.items()}
        # Their definitions may be missing, or come and go.
        self._profiles = Reflector(
            client,
            resources.SERVICE_PROFILES,
            _Nobody[Profile](),
            decode=msgspec.json.Decoder(Profile).decode,
            optional=True,
        )
        self._splits = Reflector(
            client,
            resources.TRAFFIC_SPLITS,
            _Nobody[Split](),
            decode=msgspec.json.Decoder(Split).decode,
            optional=True,
            alternatives=(resources.TRAFFIC_SPLITS_V1ALPHA1,),
        )

    async def run(self) -> None:
        """Forever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pods.run())
            group.create_task(self._services.run())
            group.create_task(self._profiles.run())
            group.create_task(self._splits.run())
            for reflector in (self._namespaces, self._replica_sets, self._jobs, *self._workloads.values()):
                group.create_task(reflector.run())

    async def synced(self) -> None:
        """Until everything was listed once."""
        for event in (
            self._pods.synced,
            self._services.synced,
            self._profiles.synced,
            self._splits.synced,
            *(r.synced for r in (self._namespaces, self._replica_sets, self._jobs, *self._workloads.values())),
        ):
            await event.wait()

    def pods(self) -> list[Pod]:
        """All pods, as last seen."""
        return self._pods.objects()

    def inventory(self) -> Inventory:
        """Everything, as last seen."""
        return Inventory(
            pods=self._pods.objects(),
            replica_sets=self._replica_sets.objects(),
            jobs=self._jobs.objects(),
            services=self._services.objects(),
            namespaces=self._namespaces.objects(),
            workloads={kind: reflector.objects() for kind, reflector in self._workloads.items()},
            splits=self._splits.objects(),
            profiles=self._profiles.objects(),
        )

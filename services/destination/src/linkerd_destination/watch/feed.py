"""Reflectors for every kind, feeding the index. Nobody is told of anything before all of them have listed once."""

import asyncio
import logging
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from linkerd_contract import names
from linkerd_destination.index import objects
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.objects import Object
from linkerd_destination.index.state import Index
from linkerd_destination.watch import custom, decode, lint, values, wire
from linkerd_kube import ApiError, KubeClient, NotFound, ObjectRef, Reflector, Rejected, Resource, resources
from linkerd_kube.backoff import Backoff

T = TypeVar("T", bound=Object)
R = TypeVar("R")
log = logging.getLogger(__name__)


class Sink(Protocol):
    """Who is told. Called in the loop's thread; must not block."""

    def on_change(self) -> None:
        """The index has changed facts to drain."""

    def on_trust(self, bundle: str) -> None:
        """The trust bundle (PEM); not called with an empty one."""

    def on_event(self, kind: str) -> None:
        """A list or watch event of a kind was applied (a metric)."""

    def on_problem(self, ref: ObjectRef, reason: str, message: str) -> None:
        """An object that cannot be used, or not wholly."""


class _Kind(Generic[T]):
    """One kind of object, into the index."""

    def __init__(self, resource: Resource, index: Index, kind: type[T], sink: Sink) -> None:
        self._resource, self._index, self._type, self._sink = resource, index, kind, sink

    def on_listed(self, objs: list[T], /) -> None:
        self._index.replace(self._type, objs)
        for obj in objs:
            self._lint(obj)
        self._told()

    def on_applied(self, obj: T, /) -> None:
        self._index.put(obj)
        self._lint(obj)
        self._told()

    def on_deleted(self, obj: T, /) -> None:
        self._index.drop(obj)
        self._told()

    def _told(self) -> None:
        self._sink.on_event(self._resource.kind)
        self._sink.on_change()

    def _lint(self, obj: Object) -> None:
        for reason, message in lint.problems(obj):
            namespace, name = obj.key
            ref = ObjectRef(self._resource.kind, name, namespace, lint.uid_of(obj), self._resource.api_version)
            self._sink.on_problem(ref, reason, message)


class _Config:
    """The ConfigMap linkerd-config. Without it, or with values that cannot be read, the defaults hold."""

    def __init__(self, base: ClusterConfig, index: Index, sink: Sink) -> None:
        self._base, self._index, self._sink = base, index, sink

    def on_listed(self, objs: list[wire.ConfigMap], /) -> None:
        self._use(objs[0] if objs else None)

    def on_applied(self, obj: wire.ConfigMap, /) -> None:
        self._use(obj)

    def on_deleted(self, _obj: wire.ConfigMap, /) -> None:
        self._use(None)

    def _use(self, read: wire.ConfigMap | None) -> None:
        config, problems = values.cluster_config(self._base, read)
        for message in problems:
            ref = ObjectRef("ConfigMap", names.CONFIG_MAP, self._base.control_plane_namespace)
            self._sink.on_problem(ref, "InvalidValue", message)
        self._index.configure(config)
        self._sink.on_event("ConfigMap")
        self._sink.on_change()


class _Trust:
    """The ConfigMap linkerd-identity-trust-roots. The last bundle is kept when it goes away."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def on_listed(self, objs: list[wire.ConfigMap], /) -> None:
        for obj in objs:
            self.on_applied(obj)

    def on_applied(self, obj: wire.ConfigMap, /) -> None:
        bundle = values.trust_bundle(obj)
        if bundle:
            self._sink.on_trust(bundle)

    def on_deleted(self, _obj: wire.ConfigMap, /) -> None:
        log.warning("the ConfigMap %s is gone; the last trust bundle stays in force", names.TRUST_ROOTS_CONFIG_MAP)


class Feed:
    """All that destination watches."""

    def __init__(self, client: KubeClient, index: Index, sink: Sink) -> None:
        self._client = client
        self._index = index
        self._sink = sink

    async def run(self, on_synced: Callable[[str], None]) -> None:
        """Forever. `on_synced` is called with each cache's name ("services") once it has listed."""
        index, sink = self._index, self._sink
        async with asyncio.TaskGroup() as group:

            def start(name: str, reflector: Reflector[R]) -> None:
                group.create_task(reflector.run(), name=f"watch {name}")
                group.create_task(_report(reflector.synced, name, on_synced))

            for reflector, name in (
                (self._config_map(names.CONFIG_MAP, _Config(index.config, index, sink)), "configuration"),
                (self._config_map(names.TRUST_ROOTS_CONFIG_MAP, _Trust(sink)), "trust bundle"),
            ):
                start(name, reflector)
            start("namespaces", self._kind(resources.NAMESPACES, objects.Namespace, decode.namespace))
            start("nodes", self._kind(resources.NODES, objects.Node, decode.node))
            start("services", self._kind(resources.SERVICES, objects.Service, decode.service))
            start("pods", self._kind(resources.PODS, objects.Pod, decode.pod))
            for custom_kind in custom.KINDS:
                start(custom_kind.name, self._custom(custom_kind))
            served = await self._endpoint_slices()
            start("endpointslices", self._kind(served, objects.Slice, decode.endpoint_slice))

    def _kind(self, resource: Resource, kind: type[T], read: Callable[[bytes], T]) -> Reflector[T]:
        handler = _Kind(resource, self._index, kind, self._sink)
        return Reflector(self._client, resource, handler, decode=read, on_rejected=self._rejected)

    def _custom(self, kind: custom.Custom) -> Reflector[Object]:
        """A kind whose definition may be missing, for now or for ever; without it there are just no such objects."""
        return Reflector(
            self._client,
            kind.resource,
            _Kind(kind.resource, self._index, kind.type, self._sink),
            decode=kind.decode,
            on_rejected=self._rejected,
            optional=True,
            alternatives=kind.alternatives,
        )

    def _config_map(self, name: str, handler: _Config | _Trust) -> Reflector[wire.ConfigMap]:
        return Reflector(
            self._client,
            resources.CONFIG_MAPS,
            handler,
            namespace=self._index.config.control_plane_namespace,
            field_selector=f"metadata.name={name}",
            decode=values.config_map,
            on_rejected=self._rejected,
        )

    async def _endpoint_slices(self) -> Resource:
        """v1 where it is served (Kubernetes 1.21), else v1beta1."""
        backoff = Backoff(0.5, 15.0)
        while True:
            for resource in (resources.ENDPOINT_SLICES, resources.ENDPOINT_SLICES_V1BETA1):
                try:
                    await self._client.get(resource.path(), {"limit": "1"})
                    return resource
                except NotFound:
                    continue
                except ApiError as error:
                    log.warning("%s: %s; trying again", resource, error)
                    break
            await asyncio.sleep(backoff.next())

    def _rejected(self, rejected: Rejected) -> None:
        meta = rejected.meta
        ref = ObjectRef(rejected.resource.kind, meta.name, meta.namespace, meta.uid, rejected.resource.api_version)
        self._sink.on_problem(ref, lint.UNREADABLE, f"not used: {rejected.reason}")


async def _report(synced: asyncio.Event, name: str, on_synced: Callable[[str], None]) -> None:
    await synced.wait()
    on_synced(name)

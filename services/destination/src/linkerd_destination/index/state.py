"""PURE: the objects, by the ways in which answers look them up.

`put`, `drop` and `replace` fold events in; `drain` says which facts changed since it was last asked. A View reads facts
and remembers which, for the graph. Objects may come in any order across kinds: what refers to something not yet there
is simply a fact that will change.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.graph import Fact
from linkerd_destination.index.objects import Namespace, NamespacedName, Object, Pod, Service, Slice

T = TypeVar("T", bound=Object)

CONFIG: Fact = ("config",)


class _Table(Generic[T]):
    """Objects of one kind, and a secondary index from facts to objects."""

    def __init__(self, own: Callable[[T], set[Fact]], shared: Callable[[T], set[Fact]]) -> None:
        self.objects: dict[NamespacedName, T] = {}
        self.by_fact: dict[Fact, dict[NamespacedName, T]] = {}
        self._own, self._shared = own, shared

    def put(self, obj: T) -> set[Fact]:
        before = self.objects.get(obj.key)
        if before == obj:
            return set()
        self.objects[obj.key] = obj
        shared = self._shared(obj)
        changed = self._own(obj) | shared
        if before is not None:
            gone = self._shared(before) - shared
            for fact in gone:
                self._unlink(fact, obj.key)
            changed |= gone
        for fact in shared:
            self.by_fact.setdefault(fact, {})[obj.key] = obj
        return changed

    def drop(self, key: NamespacedName) -> set[Fact]:
        before = self.objects.pop(key, None)
        if before is None:
            return set()
        shared = self._shared(before)
        for fact in shared:
            self._unlink(fact, key)
        return self._own(before) | shared

    def replace(self, objs: Iterable[T]) -> set[Fact]:
        changed: set[Fact] = set()
        listed = set()
        for obj in objs:
            listed.add(obj.key)
            changed |= self.put(obj)
        for key in self.objects.keys() - listed:
            changed |= self.drop(key)
        return changed

    def at(self, fact: Fact) -> list[T]:
        """Objects under a shared fact, in the order of their names, so that every replica sees them alike."""
        found = self.by_fact.get(fact)
        return [] if not found else [found[key] for key in sorted(found)]

    def _unlink(self, fact: Fact, key: NamespacedName) -> None:
        found = self.by_fact[fact]
        del found[key]
        if not found:
            del self.by_fact[fact]


class Index:
    """Everything known of the cluster."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self._namespaces = _Table[Namespace](lambda n: {("namespace", n.name)}, lambda _: set())
        self._services = _Table[Service](
            lambda s: {("service", s.namespace, s.name)}, lambda s: {("service-ip", ip) for ip in s.ips}
        )
        self._slices = _Table[Slice](lambda _: set(), lambda s: {("slices", s.namespace, s.service)})
        # Pods on the host's network share the node's address: it names no pod.
        self._pods = _Table[Pod](
            lambda p: {("pod", p.namespace, p.name)},
            lambda p: set() if p.host_network or p.ended else {("pod-ip", ip) for ip in p.ips},
        )
        self._changed: set[Fact] = set()

    @property
    def config(self) -> ClusterConfig:
        return self._config

    def configure(self, config: ClusterConfig) -> None:
        """The installation's values changed."""
        if config != self._config:
            self._config = config
            self._changed.add(CONFIG)

    def put(self, obj: Object) -> None:
        """An object was added or changed."""
        if isinstance(obj, Pod):
            self._changed |= self._pods.put(obj)
        elif isinstance(obj, Slice):
            self._changed |= self._slices.put(obj)
        elif isinstance(obj, Service):
            self._changed |= self._services.put(obj)
        else:
            self._changed |= self._namespaces.put(obj)

    def drop(self, obj: Object) -> None:
        """An object is gone."""
        if isinstance(obj, Pod):
            self._changed |= self._pods.drop(obj.key)
        elif isinstance(obj, Slice):
            self._changed |= self._slices.drop(obj.key)
        elif isinstance(obj, Service):
            self._changed |= self._services.drop(obj.key)
        else:
            self._changed |= self._namespaces.drop(obj.key)

    def replace_pods(self, objs: Iterable[Pod]) -> None:
        """These are all the pods; and so on for the other kinds."""
        self._changed |= self._pods.replace(objs)

    def replace_slices(self, objs: Iterable[Slice]) -> None:
        self._changed |= self._slices.replace(objs)

    def replace_services(self, objs: Iterable[Service]) -> None:
        self._changed |= self._services.replace(objs)

    def replace_namespaces(self, objs: Iterable[Namespace]) -> None:
        self._changed |= self._namespaces.replace(objs)

    def drain(self) -> set[Fact]:
        """Facts that changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def view(self) -> "View":
        """A fresh reader."""
        return View(self)

    def sizes(self) -> dict[str, int]:
        """How many objects of each kind there are."""
        return {
            "namespaces": len(self._namespaces.objects),
            "services": len(self._services.objects),
            "endpointslices": len(self._slices.objects),
            "pods": len(self._pods.objects),
        }


class View:
    """Reads facts and remembers which; also what was looked for and not found."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.facts: set[Fact] = set()

    @property
    def config(self) -> ClusterConfig:
        self.facts.add(CONFIG)
        return self._index._config

    def namespace(self, name: str) -> Namespace | None:
        self.facts.add(("namespace", name))
        return self._index._namespaces.objects.get(("", name))

    def service(self, namespace: str, name: str) -> Service | None:
        self.facts.add(("service", namespace, name))
        return self._index._services.objects.get((namespace, name))

    def service_at(self, ip: str) -> Service | None:
        """The Service with this ClusterIP."""
        fact = ("service-ip", ip)
        self.facts.add(fact)
        found = self._index._services.at(fact)
        return self.service(found[0].namespace, found[0].name) if found else None

    def slices(self, namespace: str, service: str) -> list[Slice]:
        fact = ("slices", namespace, service)
        self.facts.add(fact)
        return self._index._slices.at(fact)

    def pod(self, namespace: str, name: str) -> Pod | None:
        self.facts.add(("pod", namespace, name))
        return self._index._pods.objects.get((namespace, name))

    def pod_at(self, ip: str) -> Pod | None:
        """The pod with this address; not one on its way out where another has it already."""
        fact = ("pod-ip", ip)
        self.facts.add(fact)
        found = sorted((self.pod(p.namespace, p.name) or p for p in self._index._pods.at(fact)), key=_deleting)
        return found[0] if found else None


def _deleting(pod: Pod) -> bool:
    return pod.deleting

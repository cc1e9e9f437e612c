"""A small mesh as viz sees it: an inventory, and a store filled by scrapes of written pages."""

from linkerd_viz.embedded import Embedded
from linkerd_viz.inventory import (
    Container,
    Inventory,
    Meta,
    Named,
    Owner,
    Pod,
    PodSpec,
    PodStatus,
    Port,
    Service,
    ServiceSpec,
)
from linkerd_viz.pages import read
from linkerd_viz.query import Named as Subject
from linkerd_viz.query import Query
from linkerd_viz.rollups import Rollups
from linkerd_viz.store import Store

INTERVAL = 5.0


def pod(
    name: str,
    *,
    namespace: str = "emojivoto",
    replica_set: str = "",
    meshed: bool = True,
    phase: str = "Running",
    ip: str = "10.42.0.2",
    labels: dict[str, str] | None = None,
    terminating: bool = False,
) -> Pod:
    """A pod of a ReplicaSet, or of nothing."""
    owners = [Owner("ReplicaSet", replica_set, True)] if replica_set else []
    proxy = [Container("linkerd-proxy", [Port(4191, "linkerd-admin")])] if meshed else []
    meta = Meta(
        name=name,
        namespace=namespace,
        labels=labels or {},
        owner_references=owners,
        deletion_timestamp="2026-01-01T00:00:00Z" if terminating else None,
    )
    return Pod(meta, PodSpec([Container("app")], proxy, "web"), PodStatus(phase, ip))


def replica_set(name: str, deployment: str, namespace: str = "emojivoto") -> Named:
    """A ReplicaSet of a Deployment."""
    return Named(Meta(name=name, namespace=namespace, owner_references=[Owner("Deployment", deployment, True)]))


def named(name: str, namespace: str = "emojivoto", labels: dict[str, str] | None = None) -> Named:
    """Anything with a name."""
    return Named(Meta(name=name, namespace=namespace, labels=labels or {}))


def service(name: str, selector: dict[str, str], namespace: str = "emojivoto") -> Service:
    """A Service."""
    return Service(Meta(name=name, namespace=namespace), ServiceSpec(selector))


def emojivoto() -> Inventory:
    """web and emoji meshed, old still without a sidecar."""
    return Inventory(
        pods=[
            pod("web-1-a", replica_set="web-1", labels={"app": "web"}),
            pod("emoji-1-a", replica_set="emoji-1", labels={"app": "emoji"}, ip="10.42.0.3"),
            pod("old-1-a", replica_set="old-1", meshed=False, ip="10.42.0.4"),
        ],
        replica_sets=[replica_set("web-1", "web"), replica_set("emoji-1", "emoji"), replica_set("old-1", "old")],
        services=[service("web-svc", {"app": "web"}), service("manual", {})],
        namespaces=[named("emojivoto", ""), named("empty", "")],
        workloads={"deployment": [named("web", labels={"tier": "front"}), named("emoji"), named("old"), named("idle")]},
    )


def scrape(store: Store, key: tuple[str, str], now: float, page: str) -> None:
    """One scrape of a page."""
    store.record(key, now, read(page))


class Clock:
    """Stands where it was put."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def measured(store: Store, now: float = 30.0, inventory: Inventory | None = None) -> Embedded:
    """What answers are made from, at a time."""
    mesh = inventory or emojivoto()
    return Embedded(store, Rollups(21_600), lambda: mesh, Clock(now))


def about(kind: str = "deployment", namespace: str | None = None, name: str | None = None) -> Query:
    """A query for a minute."""
    return Query(Subject(kind, namespace, name))

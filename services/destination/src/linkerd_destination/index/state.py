"""PURE: the objects, by the ways in which answers look them up.

`put`, `drop` and `replace` fold events in; `drain` says which facts changed since it was last asked. A View reads facts
and remembers which, for the graph. Objects may come in any order across kinds: what refers to something not yet there
is simply a fact that will change.
"""

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.graph import Fact
from linkerd_destination.index.objects import Labels, NamedPorts, Namespace, Object, Pod, Service, Slice
from linkerd_destination.index.tables import Tables, policy_fact
from linkerd_rules.validation.authorization import (
    AuthorizationPolicy,
    MeshTLSAuthentication,
    NetworkAuthentication,
    ServerAuthorization,
)
from linkerd_rules.validation.filters import FaultInjection
from linkerd_rules.validation.grant import ReferenceGrant
from linkerd_rules.validation.meta import Resource
from linkerd_rules.validation.profile import Profile
from linkerd_rules.validation.rate_limit import RateLimitPolicy
from linkerd_rules.validation.references import POLICY_GROUP, Ref
from linkerd_rules.validation.route import BoundRoute
from linkerd_rules.validation.server import Server
from linkerd_rules.validation.split import Split

T = TypeVar("T", bound=Object)

# After every date of RFC 3339.
_NOW = "~"
CONFIG: Fact = ("config",)
RATE_LIMIT_KIND = "HTTPLocalRateLimitPolicy"
ObjectKey = tuple[str, str, str, str]
"""Group, kind, namespace, name."""


def key_of(fact: Fact) -> ObjectKey | None:
    """The object with a status that a fact is; None where it is none."""
    match fact:
        case ("route", group, kind, namespace, name):
            return group, kind, namespace, name
        case ("rate-limit", namespace, name):
            return POLICY_GROUP, RATE_LIMIT_KIND, namespace, name
    return None


class Index:
    """Everything known of the cluster."""

    def __init__(self, config: ClusterConfig) -> None:
        self._config = config
        self.tables = Tables()
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
        self._changed |= self.tables.of[type(obj)].put(obj)

    def drop(self, obj: Object) -> None:
        """An object is gone."""
        self._changed |= self.tables.of[type(obj)].drop(obj.key)

    def replace(self, kind: type[T], objs: Iterable[T]) -> None:
        """These are all the objects of a kind."""
        self._changed |= self.tables.of[kind].replace(objs)

    def overlaid(self, objs: Iterable[Object]) -> "Index":
        """An index in which these were applied too; this one stays as it is, and the two share what is not concerned.

        An object that is new counts as the youngest.
        """
        listed = list(objs)
        other = Index(self._config)
        other.tables = self.tables.copied({type(obj) for obj in listed})
        for obj in listed:
            other.put(_dated(obj, self.tables.of[type(obj)].objects.get(obj.key)))
        return other

    def with_status(self) -> list[ObjectKey]:
        """Every object whose status says whether it is in force."""
        tables = self.tables
        found = [
            (route.group, route.kind, *route.key)
            for table in (tables.linkerd_http_routes, tables.gateway_http_routes, tables.grpc_routes)
            for route in table.objects.values()
        ]
        return found + [(POLICY_GROUP, RATE_LIMIT_KIND, *policy.key) for policy in tables.rate_limits.objects.values()]

    def drain(self) -> set[Fact]:
        """Facts that changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def view(self) -> "View":
        """A fresh reader."""
        return View(self)

    def sizes(self) -> dict[str, int]:
        """How many objects of each kind there are."""
        names: dict[type[object], str] = {Slice: "endpointslices"}
        return {
            names.get(kind, f"{kind.__name__.lower()}s"): len(table.objects) for kind, table in self.tables.of.items()
        }


class View:
    """Reads facts and remembers which; also what was looked for and not found."""

    def __init__(self, index: Index) -> None:
        self._config = index.config
        self._tables = index.tables
        self.facts: set[Fact] = set()
        self.node_dependent = False
        """Whether the answer is another one for callers on other nodes."""
        self.namespace_dependent = False
        """Whether the answer is another one for callers of other namespaces."""
        self.servers_by_template: dict[tuple[str, Labels, NamedPorts], dict[int, Server]] = {}
        """What was found out for this view: pods of one template are alike."""

    @property
    def config(self) -> ClusterConfig:
        self.facts.add(CONFIG)
        return self._config

    def namespace(self, name: str) -> Namespace | None:
        self.facts.add(("namespace", name))
        return self._tables.namespaces.objects.get(("", name))

    def zone(self, node: str) -> str:
        """The zone of a node; "" where it has none or is not known."""
        if not node:
            return ""
        self.facts.add(("node", node))
        found = self._tables.nodes.objects.get(("", node))
        return found.zone if found is not None else ""

    def service(self, namespace: str, name: str) -> Service | None:
        self.facts.add(("service", namespace, name))
        return self._tables.services.objects.get((namespace, name))

    def service_at(self, ip: str) -> Service | None:
        """The Service with this ClusterIP."""
        fact = ("service-ip", ip)
        self.facts.add(fact)
        found = self._tables.services.at(fact)
        return self.service(found[0].namespace, found[0].name) if found else None

    def slices(self, namespace: str, service: str) -> list[Slice]:
        fact = ("slices", namespace, service)
        self.facts.add(fact)
        return self._tables.slices.at(fact)

    def pod(self, namespace: str, name: str) -> Pod | None:
        self.facts.add(("pod", namespace, name))
        return self._tables.pods.objects.get((namespace, name))

    def pod_at(self, ip: str) -> Pod | None:
        """The pod with this address; not one on its way out where another has it already."""
        return self._pod(("pod-ip", ip))

    def pod_at_host_port(self, ip: str, port: int) -> tuple[Pod, int] | None:
        """The pod behind a port of its node, and its own port."""
        pod = self._pod(("host-port", ip, str(port)))
        return None if pod is None else (pod, dict(pod.host_ports)[port])

    def _pod(self, fact: Fact) -> Pod | None:
        self.facts.add(fact)
        found = sorted((self.pod(p.namespace, p.name) or p for p in self._tables.pods.at(fact)), key=_deleting)
        return found[0] if found else None

    def profile(self, namespace: str, name: str) -> Profile | None:
        """A ServiceProfile by its namespace and the Service's name in DNS."""
        self.facts.add(("profile", namespace, name))
        return self._tables.profiles.objects.get((namespace, name))

    def profiles(self, name: str) -> list[Profile]:
        """The ServiceProfiles of this name, of all namespaces."""
        fact = ("profiles", name)
        self.facts.add(fact)
        return self._tables.profiles.at(fact)

    def profiles_in(self, namespace: str) -> list[Profile]:
        """The ServiceProfiles of a namespace."""
        fact = ("profiles-in", namespace)
        self.facts.add(fact)
        return self._tables.profiles.at(fact)

    def split(self, namespace: str, service: str) -> Split | None:
        """The oldest TrafficSplit of an apex."""
        fact = ("splits", namespace, service)
        self.facts.add(fact)
        return min(self._tables.splits.at(fact), key=lambda s: s.meta.age, default=None)

    def servers(self, namespace: str) -> list[Server]:
        """The Servers of a namespace, the oldest first."""
        fact = ("servers", namespace)
        self.facts.add(fact)
        return sorted(self._tables.servers.at(fact), key=lambda s: s.meta.age)

    def has_opaque_servers(self, namespace: str) -> bool:
        """Whether any Server of a namespace makes its port opaque."""
        fact = ("opaque-servers", namespace)
        self.facts.add(fact)
        return fact in self._tables.servers.by_fact

    def server_authorizations(self, namespace: str) -> list[ServerAuthorization]:
        fact = ("server-authorizations", namespace)
        self.facts.add(fact)
        return self._tables.server_authorizations.at(fact)

    def authorization_policies(self, target: Ref) -> list[AuthorizationPolicy]:
        """The policies of one target."""
        fact = policy_fact(target)
        self.facts.add(fact)
        return self._tables.authorization_policies.at(fact)

    def mesh_tls_authentication(self, namespace: str, name: str) -> MeshTLSAuthentication | None:
        self.facts.add(("mesh-tls", namespace, name))
        return self._tables.mesh_tls.objects.get((namespace, name))

    def network_authentication(self, namespace: str, name: str) -> NetworkAuthentication | None:
        self.facts.add(("networks", namespace, name))
        return self._tables.networks.objects.get((namespace, name))

    def rate_limit_policy(self, namespace: str, name: str) -> RateLimitPolicy | None:
        """One policy by its name, usable or not."""
        self.facts.add(("rate-limit", namespace, name))
        return self._tables.rate_limits.objects.get((namespace, name))

    def rate_limit(self, namespace: str, server: str) -> RateLimitPolicy | None:
        """The oldest policy of a Server."""
        fact = ("rate-limits", namespace, server)
        self.facts.add(fact)
        return min(self._tables.rate_limits.at(fact), key=lambda p: p.meta.age, default=None)

    def http_routes(self, parent: str, namespace: str, name: str) -> list[BoundRoute]:
        """HTTPRoutes of both groups that name a parent ("Server", "Service"), the oldest first."""
        fact = ("routes", parent, namespace, name)
        self.facts.add(fact)
        tables = self._tables
        found: list[BoundRoute] = [*tables.linkerd_http_routes.at(fact), *tables.gateway_http_routes.at(fact)]
        return sorted(found, key=lambda r: (r.meta.age, r.group))

    def grpc_routes(self, parent: str, namespace: str, name: str) -> list[BoundRoute]:
        """GRPCRoutes that name a parent, the oldest first."""
        fact = ("routes", parent, namespace, name)
        self.facts.add(fact)
        return sorted(self._tables.grpc_routes.at(fact), key=lambda r: r.meta.age)

    def route(self, group: str, kind: str, namespace: str, name: str) -> BoundRoute | None:
        """One route by its name, usable or not."""
        self.facts.add(("route", group, kind, namespace, name))
        tables = self._tables
        if kind == "GRPCRoute":
            return tables.grpc_routes.objects.get((namespace, name))
        if group == POLICY_GROUP:
            return tables.linkerd_http_routes.objects.get((namespace, name))
        return tables.gateway_http_routes.objects.get((namespace, name))

    def grants(self, namespace: str) -> list[ReferenceGrant]:
        fact = ("grants", namespace)
        self.facts.add(fact)
        return self._tables.grants.at(fact)

    def fault(self, namespace: str, name: str) -> FaultInjection | None:
        self.facts.add(("fault", namespace, name))
        return self._tables.faults.objects.get((namespace, name))


def _dated(obj: Object, before: Object | None) -> Object:
    """As the API server would date it: by the object of its name that is there, else now."""
    if not isinstance(obj, Resource):
        return obj
    created = before.meta.created if isinstance(before, Resource) else _NOW
    return replace(obj, meta=replace(obj.meta, created=created))


def _deleting(pod: Pod) -> bool:
    return pod.deleting

"""The index: what changes when an object does, and that order across kinds never matters."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from linkerd_contract.codec import encode
from linkerd_contract.matching import Condition, Fault, Filter, FilterType
from linkerd_contract.outbound import Protocol, Route
from linkerd_destination.index.config import ClusterConfig
from linkerd_destination.index.graph import Graph
from linkerd_destination.index.objects import (
    Namespace,
    Object,
    Pod,
    PodReference,
    Service,
    ServicePort,
    Slice,
    SliceEndpoint,
)
from linkerd_destination.index.state import Index
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.inbound import render_inbound
from linkerd_destination.translate.outbound import render_outbound
from linkerd_destination.translate.targets import NoAnswer
from linkerd_rules.validation.authorization import AuthorizationPolicy, MeshTLSAuthentication, ServerAuthorization
from linkerd_rules.validation.filters import FaultInjection, FilterRef
from linkerd_rules.validation.meta import Meta
from linkerd_rules.validation.profile import Override, Profile
from linkerd_rules.validation.rate_limit import RateLimitPolicy
from linkerd_rules.validation.references import Ref
from linkerd_rules.validation.route import LinkerdHttpRoute, Parent, Rule, Target
from linkerd_rules.validation.selector import Selector
from linkerd_rules.validation.server import Server
from linkerd_rules.validation.split import Leaf, Split


def index() -> Index:
    return Index(ClusterConfig())


def test_an_equal_object_changes_nothing() -> None:
    made = index()
    made.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",)))
    assert made.drain() == {("pod", "ns", "p"), ("pod-ip", "10.0.0.1")}
    made.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",)))
    assert made.drain() == set()


def test_a_new_address_changes_both_addresses() -> None:
    made = index()
    made.put(Pod(namespace="ns", name="p", ips=("10.0.0.1",)))
    made.drain()
    made.put(Pod(namespace="ns", name="p", ips=("10.0.0.2",)))
    assert made.drain() == {("pod", "ns", "p"), ("pod-ip", "10.0.0.1"), ("pod-ip", "10.0.0.2")}
    view = made.view()
    assert view.pod_at("10.0.0.1") is None
    assert view.pod_at("10.0.0.2") is not None
    assert ("pod-ip", "10.0.0.1") in view.facts


def test_replace_forgets_what_is_not_listed() -> None:
    made = index()
    made.put(Service(namespace="ns", name="a", ips=("10.0.0.1",)))
    made.put(Service(namespace="ns", name="b"))
    made.drain()
    made.replace(Service, [Service(namespace="ns", name="b")])
    assert made.drain() == {("service", "ns", "a"), ("service-ip", "10.0.0.1")}
    assert made.sizes()["services"] == 1


def test_a_pod_on_its_way_out_yields_its_address() -> None:
    made = index()
    made.put(Pod(namespace="ns", name="a", ips=("10.0.0.1",), deleting=True))
    found = made.view().pod_at("10.0.0.1")
    assert found is not None
    assert found.name == "a"
    made.put(Pod(namespace="ns", name="b", ips=("10.0.0.1",)))
    found = made.view().pod_at("10.0.0.1")
    assert found is not None
    assert found.name == "b"


def test_pods_of_the_hosts_network_and_ended_ones_have_no_address() -> None:
    made = index()
    made.put(Pod(namespace="ns", name="a", ips=("10.0.0.1",), host_network=True))
    made.put(Pod(namespace="ns", name="b", ips=("10.0.0.1",), ended=True))
    assert made.view().pod_at("10.0.0.1") is None


def test_configuration_is_a_fact() -> None:
    made = index()
    made.configure(ClusterConfig())
    assert made.drain() == set()
    made.configure(ClusterConfig(default_inbound_policy="deny"))
    assert made.drain() == {("config",)}


NAMES = st.sampled_from(["a", "b"])
SPACES = st.sampled_from(["ns", "other"])
IPS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
PODS = st.builds(
    Pod,
    namespace=st.just("ns"),
    name=NAMES,
    uid=st.sampled_from(["u1", "u2"]),
    ips=IPS.map(lambda ip: (ip,)),
    deleting=st.booleans(),
    ended=st.booleans(),
    has_proxy=st.booleans(),
    labels=st.sampled_from([(), (("app", "a"),)]),
    control_plane_namespace=st.just("linkerd"),
    opaque_ports=st.none() | st.just("80"),
)
SERVICES = st.builds(
    Service,
    namespace=st.just("ns"),
    name=NAMES,
    ips=st.just(()) | IPS.map(lambda ip: (ip.replace("10.0", "10.43"),)),
    ports=st.just((ServicePort(port=80, name="http"),)),
)
ENDPOINTS = st.builds(
    SliceEndpoint,
    addresses=IPS.map(lambda ip: (ip,)),
    pod=st.none() | st.builds(PodReference, namespace=st.just("ns"), name=NAMES, uid=st.sampled_from(["u1", "u2"])),
)
SLICES = st.builds(
    Slice,
    namespace=st.just("ns"),
    name=st.sampled_from(["x", "y"]),
    service=NAMES,
    ports=st.just((("http", 80),)),
    endpoints=st.lists(ENDPOINTS, max_size=3).map(tuple),
)
NAMESPACES = st.builds(Namespace, name=st.just("ns"), opaque_ports=st.none() | st.just("80"))
LABELS = st.sampled_from([(), (("app", "a"),)])
METAS = st.builds(
    Meta, namespace=st.just("ns"), name=NAMES, created=st.sampled_from(["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"])
)
PROFILES = st.builds(
    Profile,
    meta=st.builds(Meta, namespace=SPACES, name=NAMES.map(lambda name: f"{name}.ns.svc.cluster.local")),
    routes=st.just(()) | st.just((Route(name="r"),)),
    dst_overrides=st.just(()) | st.just((Override(authority="b.ns.svc.cluster.local:80", weight=1000),)),
)
SPLITS = st.builds(
    Split,
    meta=METAS,
    service=NAMES,
    backends=st.lists(st.builds(Leaf, service=NAMES, weight=st.just(1000)), max_size=2).map(tuple),
)
SERVERS = st.builds(
    Server,
    meta=METAS,
    labels=LABELS,
    pods=st.builds(Selector, labels=LABELS),
    port=st.just(80),
    protocol=st.sampled_from([Protocol.detect, Protocol.opaque]),
    access_policy=st.sampled_from(["deny", "audit"]),
)
SERVER_REFS = st.builds(
    Ref, group=st.just("policy.linkerd.io"), kind=st.just("Server"), namespace=st.just("ns"), name=NAMES
)
MESH_REFS = st.builds(
    Ref, group=st.just("policy.linkerd.io"), kind=st.just("MeshTLSAuthentication"), namespace=st.just("ns"), name=NAMES
)
POLICIES = st.builds(
    AuthorizationPolicy, meta=METAS, target=SERVER_REFS, required=st.lists(MESH_REFS, max_size=1).map(tuple)
)
AUTHENTICATIONS = st.builds(MeshTLSAuthentication, meta=METAS, identities=st.sampled_from([("*",), ("x",)]))
SERVER_AUTHORIZATIONS = st.builds(
    ServerAuthorization, meta=METAS, selector=st.none() | st.builds(Selector, labels=LABELS), server=st.just("") | NAMES
)
LIMITS = st.builds(RateLimitPolicy, meta=METAS, server=NAMES, total=st.just(9))
SERVICE_REFS = st.builds(Ref, group=st.just(""), kind=st.just("Service"), namespace=st.just("ns"), name=NAMES)
RULES = st.builds(
    Rule,
    matches=st.just((Condition(method="GET"),)),
    filters=st.just(()) | st.just((FilterRef("a"),)),
    targets=st.lists(st.builds(Target, ref=SERVICE_REFS, port=st.just(80)), max_size=2).map(tuple),
)
ROUTES = st.builds(
    LinkerdHttpRoute,
    meta=st.builds(Meta, namespace=SPACES, name=NAMES, created=st.just("2020-01-01T00:00:00Z")),
    group=st.just("policy.linkerd.io"),
    kind=st.just("HTTPRoute"),
    parents=st.lists(st.builds(Parent, ref=SERVICE_REFS | SERVER_REFS), max_size=2).map(tuple),
    rules=st.lists(RULES, max_size=2).map(tuple),
)
FAULTS = st.builds(
    FaultInjection, meta=METAS, filters=st.just((Filter(type=FilterType.abort, fault=Fault(http_status=500)),))
)
OBJECTS = (
    (PODS | SERVICES | SLICES | NAMESPACES)
    | (PROFILES | SPLITS)
    | (SERVERS | POLICIES | AUTHENTICATIONS | SERVER_AUTHORIZATIONS | LIMITS)
    | (ROUTES | FAULTS)
)
TARGETS = [
    "10.0.0.1:80",
    "10.0.0.2:80",
    "10.43.0.1:80",
    "10.43.0.2:81",
    "a.ns.svc.cluster.local:80",
    "b.ns.svc.cluster.local:80",
]


def answer(made: Index, target: str) -> tuple[bytes, set[tuple[str, ...]]]:
    view = made.view()
    try:
        if target.startswith("ns/"):
            return encode(render_inbound(view, target)), view.facts
        return encode(render_outbound(view, target, Caller("ns", "z"))), view.facts
    except NoAnswer as error:
        return encode(error.error), view.facts


class Answers(RuleBasedStateMachine):
    """Answers that are rendered again only when the graph says so equal those of an index built from scratch."""

    def __init__(self) -> None:
        super().__init__()
        self.index = index()
        self.graph: Graph[str] = Graph()
        self.model: dict[tuple[type, tuple[str, str]], Object] = {}
        self.answers: dict[str, bytes] = {}
        for target in [*TARGETS, "ns/a", "ns/b"]:
            self.render(target)

    def render(self, target: str) -> None:
        self.answers[target], facts = answer(self.index, target)
        self.graph.record(target, facts)

    @rule(obj=OBJECTS)
    def put(self, obj: Object) -> None:
        self.index.put(obj)
        self.model[type(obj), obj.key] = obj

    @rule(obj=OBJECTS)
    def drop(self, obj: Object) -> None:
        self.index.drop(obj)
        self.model.pop((type(obj), obj.key), None)

    @rule(objs=st.lists(PODS, max_size=3))
    def list_pods(self, objs: list[Pod]) -> None:
        self.index.replace(Pod, objs)
        self.model = {k: v for k, v in self.model.items() if k[0] is not Pod}
        self.model.update({(Pod, o.key): o for o in objs})

    @rule(objs=st.lists(SLICES, max_size=3))
    def list_slices(self, objs: list[Slice]) -> None:
        self.index.replace(Slice, objs)
        self.model = {k: v for k, v in self.model.items() if k[0] is not Slice}
        self.model.update({(Slice, o.key): o for o in objs})

    @rule(kind=st.sampled_from([Server, Split, LinkerdHttpRoute, AuthorizationPolicy]), data=st.data())
    def list_custom(
        self, kind: type[Server | Split | LinkerdHttpRoute | AuthorizationPolicy], data: st.DataObject
    ) -> None:
        made = {Server: SERVERS, Split: SPLITS, LinkerdHttpRoute: ROUTES, AuthorizationPolicy: POLICIES}[kind]
        objs: list[Object] = list(data.draw(st.lists(made, max_size=3)))
        self.index.replace(kind, objs)
        self.model = {k: v for k, v in self.model.items() if k[0] is not kind}
        self.model.update({(kind, o.key): o for o in objs})

    @invariant()
    def nothing_is_stale(self) -> None:
        for target in self.graph.readers(self.index.drain()):
            self.render(target)
        fresh = index()
        for obj in reversed(self.model.values()):
            fresh.put(obj)
        for target, shown in self.answers.items():
            assert shown == answer(fresh, target)[0], target

    @invariant()
    def only_what_says_so_depends_on_the_callers_namespace(self) -> None:
        for target in TARGETS:
            found = set()
            dependent = set()
            for namespace in ("", "ns", "other"):
                view = self.index.view()
                try:
                    found.add(encode(render_outbound(view, target, Caller(namespace, "z"))))
                except NoAnswer:
                    continue
                dependent.add(view.namespace_dependent)
            assert len(dependent) < 2, "callers must agree on it"
            assert len(found) < 2 or dependent == {True}, target


TestAnswers = Answers.TestCase
TestAnswers.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

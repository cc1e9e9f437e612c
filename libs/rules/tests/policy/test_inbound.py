"""Compiled inbound documents: ports, rules, verdicts."""

from linkerd_contract.inbound import (
    AuthnKind,
    Authorization,
    InboundDocument,
    InboundProfile,
    InboundRoute,
    PortPolicy,
    RateLimit,
)
from linkerd_contract.matching import Condition, MatchKind, StringMatch
from linkerd_contract.outbound import Protocol, Route
from linkerd_contract.resource import ResourceRef
from linkerd_rules.policy import InboundPolicy

SERVER = ResourceRef("policy.linkerd.io", "server", "emojivoto", "web")
WEB = "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
MESHED = Authorization(ResourceRef(name="meshed"), authn=AuthnKind.tls_authenticated, identities=["*"])
OPEN = Authorization(ResourceRef(name="probes"))


def test_ports_have_their_own_rules_or_the_default() -> None:
    policy = InboundPolicy(
        InboundDocument(
            ports={"80": PortPolicy(Protocol.http2, server=SERVER, authorizations=[MESHED])},
            default=PortPolicy(Protocol.opaque, authorizations=[OPEN]),
        )
    )
    assert policy.port(80).protocol is Protocol.http2
    assert policy.port(80) is policy.port(80)
    assert policy.port(81).protocol is Protocol.opaque
    assert policy.port(81) is policy.port(82)
    assert policy.port(81).authorize_tcp("10.0.0.1", None, False).allowed
    assert policy.port(80).authorize_tcp("10.0.0.1", None, False) == (False, SERVER, False)


def test_without_routes_every_request_takes_the_default_one() -> None:
    rules = InboundPolicy(InboundDocument(default=PortPolicy(authorizations=[MESHED]))).port(80)
    assert rules.only is not None
    assert rules.only.route.resource.name == "default"
    assert rules.route(b"GET", b"web", b"/", []) is rules.only
    assert rules.only.authorize("10.0.0.1", WEB, True).resource.name == "meshed"
    assert not rules.only.authorize("10.0.0.1", None, False).allowed


def test_routes_add_their_authorizations_and_unmatched_is_not_found() -> None:
    probe = InboundRoute(
        ResourceRef(name="probe"), matches=[Condition(method="GET", path=StringMatch("/live"))], authorizations=[OPEN]
    )
    api = InboundRoute(ResourceRef(name="api"), matches=[Condition(path=StringMatch("/api", MatchKind.prefix))])
    rules = InboundPolicy(
        InboundDocument(default=PortPolicy(server=SERVER, authorizations=[MESHED], routes=[probe, api]))
    ).port(80)
    found = rules.route(b"GET", b"web", b"/live", [])
    assert found is not None
    assert found.authorize("10.0.0.1", None, False).resource.name == "probes"
    assert found.authorize("10.0.0.1", WEB, True).resource.name == "meshed"
    found = rules.route(b"POST", b"web", b"/api/x", [])
    assert found is not None
    assert not found.authorize("10.0.0.1", None, False).allowed
    assert rules.route(b"GET", b"web", b"/other", []) is None
    assert rules.only is None


def test_rate_limits_and_problems() -> None:
    bad = InboundRoute(ResourceRef(name="bad"), matches=[Condition(path=StringMatch("(", MatchKind.regex))])
    rules = InboundPolicy(InboundDocument(default=PortPolicy(routes=[bad], rate_limit=RateLimit(total=1)))).port(80)
    assert rules.rate_limiter is not None
    assert rules.rate_limiter.take(None, 0) is None
    assert rules.rate_limiter.take(None, 0) is not None
    assert rules.route(b"GET", b"web", b"(", []) is None
    assert rules.problems[0].startswith("route bad: ")


def test_profiles_are_found_by_the_whole_name_of_a_service() -> None:
    routes = [
        Route(name="get", matches=[Condition(method="GET")]),
        Route(name="bad", matches=[Condition(path=StringMatch("(", MatchKind.regex))]),
        Route(name="default"),
    ]
    profiles = [InboundProfile("web.ns.svc.cluster.local:80", routes), InboundProfile("web.ns.svc.cluster.local:81")]
    rules = InboundPolicy(InboundDocument(default=PortPolicy(profiles=profiles))).port(1)
    assert rules.has_profiles
    for name in (b"web.ns.svc.cluster.local", b"Web.ns.svc.cluster.local.:80"):
        profile = rules.profile(name)
        assert profile is not None
        # The first that matches, not the most specific one.
        for method, expected in ((b"GET", "get"), (b"PUT", "default")):
            found = profile.route(method, b"web", b"/", [])
            assert found is not None
            assert found.route.name == expected
    for name in (b"", b":", b"web", b"web.ns.svc.cluster.local:82", b"\xff", b"[::1]:80"):
        assert rules.profile(name) is None
    assert len(rules.problems) == 1
    assert not InboundPolicy(InboundDocument()).port(1).has_profiles

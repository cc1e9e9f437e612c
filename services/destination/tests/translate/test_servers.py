"""Inbound policy of Servers: YAML in, documents and verdicts out."""

from typing import Any

import pytest
from services.destination.tests.world import World

from linkerd_contract.codec import decode, encode
from linkerd_contract.inbound import InboundDocument
from linkerd_rules.policy import InboundPolicy

POD = """
kind: Pod
metadata: {name: web-1, labels: {app: web, tier: front}, annotations: {config.linkerd.io/default-inbound-policy: deny}}
spec:
  containers:
  - name: web
    ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 9090}]
    livenessProbe: {httpGet: {path: /live, port: http}}
"""


def server(
    spec: str = "port: http", name: str = "web-http", created: str = "2020-01-01T00:00:00Z", extra: str = ""
) -> str:
    return f"""
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {{name: {name}, creationTimestamp: "{created}", labels: {{for: web}}}}
spec: {{podSelector: {{matchLabels: {{app: web}}}}, {spec}{extra}}}
"""


def policy(target: str, *required: str, name: str = "allow") -> str:
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {{name: {name}}}
spec: {{targetRef: {target}, requiredAuthenticationRefs: [{", ".join(required)}]}}
"""


TO_SERVER = "{group: policy.linkerd.io, kind: Server, name: web-http}"
TO_NAMESPACE = "{group: core, kind: Namespace, name: ns}"
MESH_REF = "{group: policy.linkerd.io, kind: MeshTLSAuthentication, name: mesh}"
NET_REF = "{group: policy.linkerd.io, kind: NetworkAuthentication, name: net}"
ACCOUNT_REF = "{kind: ServiceAccount, name: bot}"
NETWORK = """
apiVersion: policy.linkerd.io/v1alpha1
kind: NetworkAuthentication
metadata: {name: net}
spec: {networks: [{cidr: 10.1.0.0/16, except: [10.1.2.0/24]}]}
"""


def mesh(spec: str) -> str:
    return f"""
apiVersion: policy.linkerd.io/v1alpha1
kind: MeshTLSAuthentication
metadata: {{name: mesh}}
spec: {{{spec}}}
"""


def saz(client: str, target: str = "name: web-http") -> str:
    return f"""
apiVersion: policy.linkerd.io/v1beta1
kind: ServerAuthorization
metadata: {{name: saz}}
spec: {{server: {{{target}}}, client: {{{client}}}}}
"""


BOT = "bot.ns.serviceaccount.identity.linkerd.cluster.local"
OTHER = "bot.other.serviceaccount.identity.linkerd.cluster.local"


def port(*texts: str, number: int = 8080) -> dict[str, Any]:
    found: dict[str, Any] = World(POD, *texts).inbound("ns/web-1")["ports"][str(number)]
    return found


def allowed(*texts: str, ip: str = "10.1.0.1", identity: str | None = None, tls: bool | None = None) -> bool:
    document = decode(encode(World(POD, *texts).inbound("ns/web-1")), InboundDocument)
    return (
        InboundPolicy(document).port(8080).authorize_tcp(ip, identity, bool(identity) if tls is None else tls).allowed
    )


def test_a_server_takes_its_port_from_the_default_policy() -> None:
    found = port(server())
    assert found["server"] == {"group": "policy.linkerd.io", "kind": "Server", "namespace": "ns", "name": "web-http"}
    assert "authorizations" not in found
    assert found["routes"][0]["resource"] == {"name": "probe"}
    assert port(server(), number=9090)["server"] == {"name": "deny"}


@pytest.mark.parametrize(
    ("written", "protocol"),
    [
        ("unknown", "detect"),
        ("HTTP/1", "http1"),
        ("HTTP/2", "http2"),
        ("gRPC", "grpc"),
        ("opaque", "opaque"),
        ("TLS", "tls"),
    ],
)
def test_protocols(written: str, protocol: str) -> None:
    found = port(server(extra=f", proxyProtocol: {written}"))
    assert found.get("protocol", "detect") == protocol
    assert ("routes" in found) == (protocol not in ("opaque", "tls"))


def test_which_server_is_in_force() -> None:
    older = server(name="z")
    newer = server(name="a", created="2021-01-01T00:00:00Z")
    assert port(newer, older)["server"]["name"] == "z"
    assert port(server(name="b"), server(name="a"))["server"]["name"] == "a"
    assert port(server("port: 8080"))["server"]["name"] == "web-http"
    assert port(server().replace("app: web", "app: other"))["server"] == {"name": "deny"}
    expressions = "matchExpressions: [{key: tier, operator: In, values: [front]}, {key: old, operator: DoesNotExist}]"
    assert port(server().replace("matchLabels: {app: web}", expressions))["server"]["name"] == "web-http"


def test_an_opaque_server_shows_in_outbound_documents() -> None:
    pod = """
kind: Pod
metadata: {name: p, labels: {app: web, linkerd.io/control-plane-ns: linkerd}}
spec: {containers: [{name: linkerd-proxy}, {name: app, ports: [{name: http, containerPort: 8080}]}]}
status: {podIP: 10.42.0.9}
"""

    def hint(*texts: str) -> str:
        [endpoint] = World(pod, *texts).full("10.42.0.9:8080")
        return str(endpoint["protocolHint"])

    assert hint() == "h2"
    assert hint(server()) == "h2"
    assert hint(server(extra=", proxyProtocol: opaque")) == "opaque"
    newer = server(name="a", created="2021-01-01T00:00:00Z", extra=", proxyProtocol: opaque")
    assert hint(newer, server()) == "h2"


@pytest.mark.parametrize(
    ("access", "outside", "inside", "meshed"),
    [
        ("deny", False, False, False),
        ("all-unauthenticated", True, True, True),
        ("all-authenticated", False, False, True),
        ("cluster-unauthenticated", False, True, True),
        ("cluster-authenticated", False, False, True),
        ("audit", True, True, True),
    ],
)
def test_access_policies(access: str, outside: bool, inside: bool, meshed: bool) -> None:
    text = server(extra=f", accessPolicy: {access}")
    assert allowed(text, ip="8.8.8.8") is outside
    assert allowed(text) is inside
    assert allowed(text, identity=OTHER) is meshed


@pytest.mark.parametrize(
    ("client", "plain", "bot", "other", "tls"),
    [
        ("unauthenticated: true", True, True, True, True),
        ("unauthenticated: true, networks: [{cidr: 10.2.0.0/16}]", False, False, False, False),
        ("meshTLS: {unauthenticatedTLS: true}", False, True, True, True),
        (f"meshTLS: {{identities: [{BOT}]}}", False, True, False, False),
        ("meshTLS: {identities: ['*']}", False, True, True, False),
        ("meshTLS: {identities: ['*.other.serviceaccount.identity.linkerd.cluster.local']}", False, False, True, False),
        ("meshTLS: {serviceAccounts: [{name: bot}]}", False, True, False, False),
        ("meshTLS: {serviceAccounts: [{name: bot, namespace: other}]}", False, False, True, False),
    ],
)
@pytest.mark.parametrize("target", ["name: web-http", "selector: {matchLabels: {for: web}}"])
def test_server_authorizations(client: str, target: str, plain: bool, bot: bool, other: bool, tls: bool) -> None:
    texts = server(), saz(client, target)
    assert allowed(*texts) is plain
    assert allowed(*texts, identity=BOT) is bot
    assert allowed(*texts, identity=OTHER) is other
    assert allowed(*texts, tls=True) is tls


def test_a_server_authorization_without_networks_is_for_the_clusters() -> None:
    assert not allowed(server(), saz("unauthenticated: true"), ip="8.8.8.8")
    assert not allowed(server(), saz("unauthenticated: true", "name: other"))


@pytest.mark.parametrize("target", [TO_SERVER, TO_NAMESPACE])
def test_authorization_policies(target: str) -> None:
    anyone = server(), policy(target)
    assert allowed(*anyone, ip="8.8.8.8")
    by_network = server(), NETWORK, policy(target, NET_REF)
    assert allowed(*by_network)
    assert not allowed(*by_network, ip="10.1.2.1")
    account = server(), policy(target, ACCOUNT_REF)
    assert allowed(*account, identity=BOT)
    assert not allowed(*account, identity=OTHER)
    assert not allowed(*account)
    both = (
        server(),
        NETWORK,
        mesh("identityRefs: [{kind: ServiceAccount, name: bot}]"),
        policy(target, NET_REF, MESH_REF),
    )
    assert allowed(*both, identity=BOT)
    assert not allowed(*both, identity=BOT, ip="10.2.0.1")
    assert not allowed(*both)


def test_a_namespace_stands_for_all_of_its_accounts() -> None:
    texts = server(), mesh("identityRefs: [{kind: Namespace, name: other}]"), policy(TO_SERVER, MESH_REF)
    assert allowed(*texts, identity=OTHER)
    assert not allowed(*texts, identity=BOT)


def test_a_policy_whose_authentication_is_missing_allows_nobody() -> None:
    assert not allowed(server(), policy(TO_SERVER, MESH_REF), identity=BOT)
    assert not allowed(server(), policy(TO_SERVER, NET_REF))


ROUTE = """
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: read}
spec:
  parentRefs: [{group: policy.linkerd.io, kind: Server, name: web-http}]
  rules:
  - matches: [{method: GET, path: {type: PathPrefix, value: /api}}]
    filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [x]}}]
"""
TO_ROUTE = "{group: policy.linkerd.io, kind: HTTPRoute, name: read}"


def test_routes_of_a_server() -> None:
    texts = server(), ROUTE, policy(TO_ROUTE, ACCOUNT_REF)
    found = port(*texts)["routes"]
    reference = {"group": "policy.linkerd.io", "kind": "HTTPRoute", "namespace": "ns", "name": "read"}
    assert [route["resource"] for route in found] == [reference]
    assert found[0]["matches"] == [{"method": "GET", "path": {"value": "/api", "kind": "prefix"}}]
    rules = InboundPolicy(decode(encode(World(POD, *texts).inbound("ns/web-1")), InboundDocument)).port(8080)
    rule = rules.route(b"GET", b"web", b"/api/v1", [])
    assert rule is not None
    assert rule.authorize("10.0.0.1", BOT, True).allowed
    assert not rule.authorize("10.0.0.1", None, False).allowed
    assert rules.route(b"POST", b"web", b"/api/v1", []) is None
    assert not rules.authorize_tcp("10.0.0.1", BOT, True).allowed


def test_routes_of_other_ports_and_namespaces_do_not_count() -> None:
    assert port(server(), ROUTE.replace("name: web-http", "name: web-http, port: 9"))["routes"][0]["resource"] == {
        "name": "probe"
    }
    assert port(server(extra=", proxyProtocol: opaque"), ROUTE).get("routes") is None


LIMIT = """
apiVersion: policy.linkerd.io/v1alpha1
kind: HTTPLocalRateLimitPolicy
metadata: {name: limit, creationTimestamp: "2020-01-01T00:00:00Z"}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web-http}
  total: {requestsPerSecond: 100}
  identity: {requestsPerSecond: 10}
  overrides: [{requestsPerSecond: 50, clientRefs: [{kind: ServiceAccount, name: bot}]}]
"""


def test_rate_limits() -> None:
    newer = LIMIT.replace("name: limit", "name: a").replace("2020", "2021").replace("100", "700")
    assert port(server(), LIMIT, newer)["rateLimit"] == {
        "resource": {
            "group": "policy.linkerd.io",
            "kind": "HTTPLocalRateLimitPolicy",
            "namespace": "ns",
            "name": "limit",
        },
        "total": 100,
        "identity": 10,
        "overrides": [{"requestsPerSecond": 50, "identities": [BOT]}],
    }
    assert "rateLimit" not in port(server(extra=", proxyProtocol: opaque"), LIMIT)

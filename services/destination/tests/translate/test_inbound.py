"""Inbound documents: YAML in, documents out."""

import pytest
from services.destination.tests.world import World

POD = """
kind: Pod
metadata: {name: web-1, annotations: {ANNOTATIONS}}
spec:
  containers:
  - name: linkerd-proxy
    readinessProbe: {httpGet: {path: /ready, port: 4191}}
  - name: web
    ports: [{name: http, containerPort: 8080}, {name: db, containerPort: 3306}]
    livenessProbe: {httpGet: {path: /live, port: http}}
    readinessProbe: {httpGet: {path: "/ready?x=1", port: 8080}}
    startupProbe: {httpGet: {path: /tls, port: 8443, scheme: HTTPS}}
  - name: side
    livenessProbe: {tcpSocket: {port: 1}}
    readinessProbe: {httpGet: {port: 9090}}
"""
NETWORKS = [{"cidr": c} for c in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8")]


def pod(**annotations: str) -> str:
    pairs = ", ".join(f'config.linkerd.io/{k.replace("_", "-")}: "{v}"' for k, v in annotations.items())
    return POD.replace("ANNOTATIONS", pairs)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("all-unauthenticated", [{"resource": {"name": "all-unauthenticated"}}]),
        (
            "all-authenticated",
            [{"resource": {"name": "all-authenticated"}, "authn": "tlsAuthenticated", "identities": ["*"]}],
        ),
        (
            "cluster-unauthenticated",
            [{"resource": {"name": "cluster-unauthenticated"}, "networks": NETWORKS}],
        ),
        (
            "cluster-authenticated",
            [
                {
                    "resource": {"name": "cluster-authenticated"},
                    "networks": NETWORKS,
                    "authn": "tlsAuthenticated",
                    "identities": ["*"],
                }
            ],
        ),
        ("deny", []),
        ("audit", [{"resource": {"name": "audit"}, "audit": True}]),
    ],
)
def test_default_policies(policy: str, expected: list[dict[str, object]]) -> None:
    document = World(pod(default_inbound_policy=policy)).inbound("ns/web-1")
    assert document["default"]["server"] == {"name": policy}
    assert document["default"].get("authorizations", []) == expected
    assert document["ports"]["8080"].get("authorizations", []) == expected


@pytest.mark.parametrize(
    ("of_pod", "of_namespace", "expected"),
    [
        (None, None, "cluster-authenticated"),
        (None, "deny", "deny"),
        ("audit", "deny", "audit"),
        ("nonsense", "deny", "deny"),
        ("nonsense", "more", "cluster-authenticated"),
    ],
)
def test_where_the_policy_comes_from(of_pod: str | None, of_namespace: str | None, expected: str) -> None:
    annotations = "{}" if of_namespace is None else f"{{config.linkerd.io/default-inbound-policy: {of_namespace}}}"
    world = World(
        pod(**({} if of_pod is None else {"default_inbound_policy": of_pod})),
        f"kind: Namespace\nmetadata: {{name: ns, annotations: {annotations}}}",
        default_inbound_policy="cluster-authenticated",
    )
    assert world.inbound("ns/web-1")["default"]["server"]["name"] == expected


def test_probes_are_open_whatever_the_policy() -> None:
    ports = World(pod(default_inbound_policy="deny")).inbound("ns/web-1")["ports"]
    assert ports["8080"]["routes"] == [
        {
            "resource": {"name": "probe"},
            "matches": [
                {"method": "GET", "path": {"value": "/live"}},
                {"method": "GET", "path": {"value": "/ready"}},
            ],
            "authorizations": [{"resource": {"name": "probe"}}],
        },
        {"resource": {"name": "default"}},
    ]
    assert ports["9090"]["routes"][0]["matches"] == [{"method": "GET", "path": {"value": "/"}}]
    assert "4191" not in ports
    assert "8443" not in ports


def test_opaque_ports() -> None:
    ports = World(pod(opaque_ports="http,5000-5001,1-65535")).inbound("ns/web-1")["ports"]
    assert {p for p, policy in ports.items() if policy.get("protocol") == "opaque"} == {
        "3306",
        "5000",
        "5001",
        "8080",
        "9090",
    }
    assert "routes" not in ports["8080"]
    default = World(pod()).inbound("ns/web-1")["ports"]
    assert default["3306"]["protocol"] == "opaque"
    assert "protocol" not in default["8080"]


def test_ports_that_require_identity() -> None:
    ports = World(pod(proxy_require_identity_inbound_ports="8080")).inbound("ns/web-1")["ports"]
    assert ports["8080"]["server"] == {"name": "all-authenticated"}
    assert ports["3306"]["server"] == {"name": "all-unauthenticated"}


@pytest.mark.parametrize(
    ("workload", "code"),
    [("ns/other", "notFound"), ("web-1", "invalidTarget"), ("/", "invalidTarget"), ("a/b/c", "invalidTarget")],
)
def test_no_answer(workload: str, code: str) -> None:
    assert World(pod()).inbound(workload)["code"] == code

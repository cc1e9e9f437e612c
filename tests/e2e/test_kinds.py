"""Every kind that a user can write, end to end: applied, its effect on traffic seen, and taken away again.

`linkerd explain` is asked about the same requests: its verdict is what the proxies did.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from urllib.parse import urlencode

import pytest
from tests.e2e.cluster import CONTROL_PLANE, Cluster, sample, until
from tests.e2e.manifests import MESHED, PLAIN, PORTS

from linkerd_contract.explain import ProxyErrorLine
from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import RATE_LIMIT_POLICIES, SERVICES

pytestmark = pytest.mark.root

PORT = PORTS["http1"]
POLICY, GATEWAY = "policy.linkerd.io", "gateway.networking.k8s.io"
CLIENT = f"default.{MESHED}.serviceaccount.identity.linkerd.cluster.local"
OPEN = {"group": "core", "kind": "Service", "name": "open", "port": PORT}
SERVER_REF = {"group": POLICY, "kind": "Server", "name": "open-http"}


def obj(version: str, kind: str, name: str, spec: JsonObject, space: str = MESHED) -> JsonObject:
    """An object of a kind."""
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def route(
    *rules: JsonObject, parent: JsonObject = OPEN, name: str = "kinds", version: str = f"{POLICY}/v1beta3"
) -> JsonObject:
    """An HTTPRoute."""
    return obj(version, "HTTPRoute", name, {"parentRefs": [parent], "rules": list(rules)})


def to(name: str, space: str = MESHED) -> JsonObject:
    """A backend."""
    return {"name": name, "namespace": space, "port": PORT}


SERVER = obj(
    f"{POLICY}/v1beta3",
    "Server",
    "open-http",
    {"podSelector": {"matchLabels": {"app": "open"}}, "port": PORT, "proxyProtocol": "HTTP/1"},
)
FAULT = obj(f"{POLICY}/v1alpha1", "FaultInjection", "teapot", {"abort": {"httpStatus": 418, "percentage": 100}})
FAULT_FILTER = {"type": "ExtensionRef", "extensionRef": {"group": POLICY, "kind": "FaultInjection", "name": "teapot"}}


@contextmanager
def applied(mesh: Cluster, *objects: JsonObject) -> Iterator[None]:
    """For a while."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    mesh.apply(*objects)
    try:
        yield
    finally:
        mesh.run("kubectl", "delete", "--ignore-not-found", "-f", "-", stdin=text)


def got(mesh: Cluster, path: str = "/", sender: str = "client", **more: object) -> tuple[int, str]:
    """Status of a GET to `open`, and the app that answered."""
    space = PLAIN if sender == "plain" else MESHED
    said = mesh.ask(space, sender, "http1", host=f"open.{MESHED}", port=PORT, path=path, **more)
    status = int(said.get("status", 0))
    body = str(said.get("body", ""))
    return status, json.loads(body)["pod"].split("-")[0] if body.startswith("{") else ""


def becomes(mesh: Cluster, expected: tuple[int, str], path: str = "/", sender: str = "client", **more: object) -> None:
    """Within seconds, a request is answered so."""
    until(lambda: got(mesh, path, sender, **more) == expected or None, 60, f"{sender} {path}: {expected}")


def explained(mesh: Cluster, path: str = "/", sender: str = "client", *more: str) -> bool:
    """Whether `linkerd explain` says that the request reaches the application."""
    space = PLAIN if sender == "plain" else MESHED
    url = f"http://open.{MESHED}:{PORT}{path}"
    done = mesh.run("linkerd", "explain", "-n", space, "--from", f"deploy/{sender}", url, "-o", "json", *more)
    allowed = json.loads(done.stdout)["allowed"]
    assert isinstance(allowed, bool)
    return allowed


OK, PAIR = (200, "open"), (200, "pair")


def test_service_profile(mesh: Cluster) -> None:
    name = f"open.{MESHED}.svc.cluster.local"
    slow = {"name": "slow", "condition": {"pathRegex": "/slow"}, "timeout": "200ms"}
    assert got(mesh, "/slow?wait=0.5") == OK
    with applied(mesh, obj("linkerd.io/v1alpha2", "ServiceProfile", name, {"routes": [slow]})):
        becomes(mesh, (504, ""), "/slow?wait=0.5")
        assert got(mesh, "/fast?wait=0.5") == OK
    becomes(mesh, OK, "/slow?wait=0.5")


def test_traffic_split(mesh: Cluster) -> None:
    def split(first: int | str, second: int | str) -> JsonObject:
        leaves = [{"service": "open", "weight": first}, {"service": "pair", "weight": second}]
        return obj("split.smi-spec.io/v1alpha2", "TrafficSplit", "kinds", {"service": "open", "backends": leaves})

    mesh.ask(MESHED, "client", "load_start", name="split", host=f"open.{MESHED}", port=PORT)
    with applied(mesh, split(0, "500m")):
        becomes(mesh, PAIR)
        mesh.apply(split("1", 0))
        becomes(mesh, OK)
        mesh.apply(split(1, 1))
        until(lambda: {got(mesh) for _ in range(8)} == {OK, PAIR}, 60, "both leaves get traffic")
        mesh.apply(split(0, 0))
        until(lambda: {got(mesh) for _ in range(8)} == {OK}, 60, "all weights zero: the apex")
    becomes(mesh, OK)
    report = mesh.ask(MESHED, "client", "load_stop", name="split")
    assert report["failed"] == 0, report
    assert {pod.split("-")[0] for pod in report["answered"]} == {"open", "pair"}


def test_http_route_of_a_service_with_filters(mesh: Cluster) -> None:
    marked = {"matches": [{"headers": [{"name": "x-marker", "value": "canary"}]}], "backendRefs": [to("pair")]}
    tea = {"matches": [{"path": {"value": "/tea"}}], "filters": [FAULT_FILTER]}
    moved = {
        "matches": [{"path": {"value": "/old"}}],
        "filters": [
            {
                "type": "RequestRedirect",
                "requestRedirect": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/new"}},
            }
        ],
    }
    lost = {"matches": [{"path": {"value": "/lost"}}], "backendRefs": [to("nowhere")]}
    rest = {"matches": [{"path": {"value": "/rest"}}], "backendRefs": [to("open")]}
    with applied(mesh, FAULT, route(marked, tea, moved, lost, rest)):
        becomes(mesh, (418, ""), "/tea")
        assert got(mesh, "/any", headers={"x-marker": "canary"}) == PAIR
        assert got(mesh, "/old") == (302, "")
        assert got(mesh, "/lost")[0] == 500
        assert got(mesh, "/rest") == OK
        assert got(mesh, "/none")[0] == 404
        for path, reaches in (("/tea", False), ("/old", False), ("/lost", False), ("/none", False), ("/rest", True)):
            assert explained(mesh, path) is reaches, path
        assert explained(mesh, "/any", "client", "-H", "x-marker: canary")
    becomes(mesh, OK, "/none")


def test_kinds_whose_definitions_appear_later_and_grants(mesh: Cluster) -> None:
    """The cluster has no Gateway API: nothing was missed. Then its definitions come, and are picked up."""
    kinds = {"HTTPRoute": "v1", "GRPCRoute": "v1", "ReferenceGrant": "v1beta1"}
    definitions = [_definition(kind, version) for kind, version in kinds.items()]
    away = {"matches": [{"path": {"value": "/away"}}], "backendRefs": [to("plain", PLAIN)]}
    home = {"backendRefs": [to("open")]}
    unary = {"matches": [{"method": {"service": "e2e.Echo", "method": "Unary"}}], "filters": [FAULT_FILTER]}
    strict = {"group": "", "kind": "Service", "name": "strict", "port": PORTS["grpc"]}
    source = {"group": GATEWAY, "kind": "HTTPRoute", "namespace": MESHED}
    grant = {"from": [source], "to": [{"group": "", "kind": "Service"}]}
    with applied(mesh, *definitions):
        until(
            lambda: mesh.run("kubectl", "get", f"httproutes.{GATEWAY}", "-A", check=False).returncode == 0, 60, "served"
        )
        with applied(
            mesh,
            FAULT,
            route(away, home, parent=OPEN | {"group": ""}, version=f"{GATEWAY}/v1"),
            obj(f"{GATEWAY}/v1", "GRPCRoute", "kinds", {"parentRefs": [strict], "rules": [unary]}),
        ):
            until(lambda: got(mesh, "/away")[0] == 500, 60, "no ReferenceGrant: its share is answered with 500")
            with applied(mesh, obj(f"{GATEWAY}/v1beta1", "ReferenceGrant", "kinds", grant, PLAIN)):
                becomes(mesh, (200, "plain"), "/away")
            assert got(mesh) == OK

            def grpc(case: str, **arguments: object) -> JsonObject:
                return mesh.ask(MESHED, "client", "grpc", host=f"strict.{MESHED}", case=case, **arguments)

            until(
                lambda: grpc("unary", text="x").get("code") == "FAILED_PRECONDITION", 60, "the fault of the GRPCRoute"
            )
            assert grpc("collect", count=1).get("code") == "NOT_FOUND", "no rule takes it"
    until(
        lambda: "code" not in mesh.ask(MESHED, "client", "grpc", host=f"strict.{MESHED}", case="unary", text="x"),
        60,
        "back",
    )


def _definition(kind: str, version: str) -> JsonObject:
    plural = f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    spec = {
        "group": GATEWAY,
        "scope": "Namespaced",
        "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
        "versions": [served | {"subresources": {"status": {}}}],
    }
    meta = {"name": f"{plural}.{GATEWAY}", "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": meta, "spec": spec}


def test_annotations_of_a_service(mesh: Cluster) -> None:
    def requests() -> float:
        return sample(mesh.proxy_metrics(MESHED, "open"), "request_total", direction="inbound")

    asked = {"timeout.linkerd.io/request": "300ms", "retry.linkerd.io/http": "503", "retry.linkerd.io/limit": "2"}
    mesh.patch(SERVICES, MESHED, "open", {"metadata": {"annotations": asked}})
    try:
        becomes(mesh, (504, ""), "/?wait=0.6")
        before = requests()
        assert got(mesh, "/?status=503")[0] == 503
        assert requests() - before >= 3, "two retries"
    finally:
        mesh.patch(SERVICES, MESHED, "open", {"metadata": {"annotations": dict.fromkeys(asked)}})
    becomes(mesh, OK, "/?wait=0.6")


def test_servers_and_who_may(mesh: Cluster) -> None:
    def both(client: int, plain: int) -> None:
        until(lambda: (got(mesh)[0], got(mesh, sender="plain")[0]) == (client, plain) or None, 60, f"{client} {plain}")
        assert (explained(mesh), explained(mesh, sender="plain")) == (client == 200, plain == 200)

    mesh_tls = {"client": {"meshTLS": {"unauthenticatedTLS": True}}, "server": {"name": "open-http"}}
    identities = obj(f"{POLICY}/v1alpha1", "MeshTLSAuthentication", "kinds", {"identities": [CLIENT]})
    networks = obj(f"{POLICY}/v1alpha1", "NetworkAuthentication", "kinds", {"networks": [{"cidr": "0.0.0.0/0"}]})

    def policy(kind: str) -> JsonObject:
        required = [{"group": POLICY, "kind": kind, "name": "kinds"}]
        spec = {"targetRef": SERVER_REF, "requiredAuthenticationRefs": required}
        return obj(f"{POLICY}/v1alpha1", "AuthorizationPolicy", "kinds", spec)

    assert got(mesh) == OK, "an edge to replay"
    tried = mesh.run("linkerd", "policy", "test", "-f", "-", stdin=json.dumps(SERVER), check=False)
    assert tried.returncode == 1, tried.stdout + tried.stderr
    assert f"{MESHED}/deployment/open" in tried.stdout.partition("newly allowed")[0]
    with applied(mesh, SERVER):
        both(403, 403)
        said = mesh.ask(MESHED, "client", "http1", host=f"open.{MESHED}", port=PORT, path="/denied")
        trace = ProxyErrorLine.parse(said["headers"]["l5d-proxy-error"]).id
        told = mesh.run("linkerd", "explain", trace).stdout
        assert told.startswith(f"{trace}: "), told
        assert f"{MESHED}/open-" in told
        assert "open-http" in told, "the Server that denied it"
        with applied(mesh, obj(f"{POLICY}/v1beta1", "ServerAuthorization", "kinds", mesh_tls)):
            both(200, 403)
        with applied(mesh, identities, networks, policy("MeshTLSAuthentication")):
            both(200, 403)
            mesh.apply(policy("NetworkAuthentication"))
            both(200, 200)


def test_routes_and_rate_limits_of_a_server(mesh: Cluster) -> None:
    opened = SERVER | {"spec": SERVER["spec"] | {"accessPolicy": "all-unauthenticated"}}
    api = {"matches": [{"path": {"value": "/api"}}]}
    ready = {"matches": [{"path": {"type": "Exact", "value": "/ready"}}]}
    slow = {"targetRef": SERVER_REF, "total": {"requestsPerSecond": 3}}
    with applied(mesh, opened):
        with applied(mesh, route(api, ready, parent=SERVER_REF)):
            becomes(mesh, (404, ""), "/other")
            assert got(mesh, "/api/x", "plain") == OK
            assert (explained(mesh, "/other"), explained(mesh, "/api/x")) == (False, True)
        with applied(mesh, obj(f"{POLICY}/v1alpha1", "HTTPLocalRateLimitPolicy", "kinds", slow)):

            def statuses() -> set[int]:
                with ThreadPoolExecutor(10) as at_once:
                    return set(at_once.map(lambda _: got(mesh)[0], range(20)))

            until(lambda: 429 in statuses(), 60, "more than three at once: 429")

            def accepted() -> bool:
                found = mesh.get(RATE_LIMIT_POLICIES, MESHED, "kinds") or {}
                conditions = found.get("status", {}).get("conditions", [])
                return [(c["type"], c["status"]) for c in conditions] == [("Accepted", "True")]

            until(accepted, 60, "its status says so")
    becomes(mesh, OK)


def _random_policies(random: Random) -> list[JsonObject]:
    access = random.choice(["deny", "all-authenticated", "all-unauthenticated"])
    policies = [SERVER | {"spec": SERVER["spec"] | {"accessPolicy": access}}]
    account = random.choice(["default", "nobody"])
    required = [{"kind": "ServiceAccount", "name": account}]
    target = random.choice([SERVER_REF, {"group": POLICY, "kind": "HTTPRoute", "name": "inbound"}])
    spec = {"targetRef": target, "requiredAuthenticationRefs": required}
    api: JsonObject = {"matches": [{"path": {"value": "/api"}}]}
    other: JsonObject = {"matches": [{"path": {"value": "/other"}}]}
    made = [
        obj(f"{POLICY}/v1alpha1", "AuthorizationPolicy", "random", spec),
        route(api, *random.choice([[], [other]]), parent=SERVER_REF, name="inbound"),
        FAULT,
        route(
            random.choice([api, api | {"filters": [FAULT_FILTER]}])
            | {"backendRefs": [to(random.choice(["open", "lost"]))]},
            *random.choice([[], [other]]),
            name="outbound",
        ),
    ]
    return policies + random.sample(made, random.randint(0, len(made)))


@pytest.mark.parametrize("seed", range(6))
def test_what_is_explained_is_what_happens(mesh: Cluster, seed: int) -> None:
    requests = [(sender, path) for sender in ("client", "plain") for path in ("/api/x", "/other", "/")]

    def agree() -> bool:
        """Whether each reaches the application as explained; policies take a moment to get to the proxies."""
        told = {(sender, path): _explained_directly(mesh, sender, path) for sender, path in requests}
        happened = {(sender, path): got(mesh, path, sender)[1] != "" for sender, path in requests}
        return told == happened

    with applied(mesh, *_random_policies(Random(seed))):
        # The first time may be before the policies have arrived anywhere.
        until(lambda: all(agree() for _ in range(4)), 60, "explain and the proxies agree")


def _explained_directly(mesh: Cluster, sender: str, path: str) -> bool:
    """What the command asks for, without the command's start."""
    space = PLAIN if sender == "plain" else MESHED
    selector = "linkerd.io/control-plane-component=destination"
    (pod,) = mesh.pods(CONTROL_PLANE, selector)
    query = urlencode({"from": f"{space}/deploy/{sender}", "url": f"http://open.{MESHED}:{PORT}{path}"})
    name = pod["metadata"]["name"]
    answer = mesh.do(portforward.http_get(mesh.client, CONTROL_PLANE, name, 9991, f"/v1/explain?{query}"))
    return bool(json.loads(answer)["allowed"])

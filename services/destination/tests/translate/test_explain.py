"""Explanations: what they say, and that their verdict is what the proxies' own code decides."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.destination.tests.world import World

from linkerd_contract.explain import Explanation
from linkerd_destination.translate.endpoints import Caller
from linkerd_destination.translate.explain import Question, explain
from linkerd_destination.translate.inbound import render_inbound
from linkerd_destination.translate.outbound import render_outbound
from linkerd_rules.policy import InboundPolicy, OutboundPolicy


def pod(name: str, ip: str, account: str, meshed: bool = True) -> str:
    containers = "{name: linkerd-proxy}, " if meshed else ""
    mesh = ", linkerd.io/control-plane-ns: linkerd" if meshed else ""
    labels = f"{{app: {name}{mesh}}}"
    return f"""
---
kind: Pod
metadata: {{name: {name}, labels: {labels}}}
spec: {{serviceAccountName: {account}, containers: [{containers}{{name: app, ports: [{{containerPort: 8080}}]}}]}}
status: {{podIP: {ip}}}
"""


CLUSTER = (
    """
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.43.0.1, ports: [{name: http, port: 80}]}
---
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.42.0.1], targetRef: {kind: Pod, name: web, namespace: ns}}]
"""
    + pod("web", "10.42.0.1", "web")
    + pod("bot", "10.42.0.2", "bot")
    + pod("plain", "10.42.0.3", "bot", meshed=False)
)
SERVER = """
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: web-http}
spec: {podSelector: {matchLabels: {app: web}}, port: 8080}
"""
ALLOW = """
apiVersion: policy.linkerd.io/v1alpha1
kind: AuthorizationPolicy
metadata: {name: ACCOUNT-only}
spec:
  targetRef: {group: policy.linkerd.io, kind: Server, name: web-http}
  requiredAuthenticationRefs: [{kind: ServiceAccount, name: ACCOUNT}]
"""
ROUTE = """
apiVersion: policy.linkerd.io/v1beta3
kind: HTTPRoute
metadata: {name: api}
spec:
  parentRefs: [{group: GROUP, kind: KIND, name: NAME}]
  rules: [{matches: [{path: {value: /api}, method: GET}]}]
"""
OUT = ROUTE.replace("GROUP", "core").replace("KIND", "Service").replace("NAME", "web")
IN = ROUTE.replace("GROUP", "policy.linkerd.io").replace("KIND", "Server").replace("NAME", "web-http")


def ask(*texts: str, client: str = "bot", method: str = "GET", path: str = "/api/x") -> Explanation:
    view = World(CLUSTER, *texts).index.view()
    found = view.pod("ns", client)
    assert found is not None
    return explain(view, Question(found, "web.ns.svc.cluster.local:80", "web.ns", path, method))


def verdicts(explanation: Explanation) -> dict[str, str]:
    return {step.stage: step.verdict for step in explanation.steps}


def test_what_is_said_of_a_request_that_goes_through() -> None:
    explanation = ask()
    assert explanation.allowed
    assert verdicts(explanation) == {
        "client": "ns/bot",
        "service": "web.ns.svc.cluster.local:80",
        "protocol": "detect",
        "route": "default",
        "backend": "ns/web:80 100 %",
        "endpoint": "10.42.0.1:8080",
        "server": "all-unauthenticated",
        "inbound route": "default",
        "authorization": "allowed",
    }


@pytest.mark.parametrize(
    ("texts", "client", "method", "end", "miss"),
    [
        ([SERVER], "bot", "GET", "authorization", "Server ns/web-http has no authorization at all"),
        (
            [SERVER, ALLOW.replace("ACCOUNT", "web")],
            "bot",
            "GET",
            "authorization",
            "AuthorizationPolicy ns/web-only did not allow it: the client is bot.ns.serviceaccount.identity.linkerd."
            "cluster.local, and it lets in web.ns.serviceaccount.identity.linkerd.cluster.local",
        ),
        (
            [SERVER, ALLOW.replace("ACCOUNT", "bot")],
            "plain",
            "GET",
            "authorization",
            "AuthorizationPolicy ns/bot-only did not allow it: the client came without the mesh's TLS",
        ),
        ([OUT], "bot", "POST", "route", "HTTPRoute ns/api did not take it: the method is not GET"),
        ([SERVER, IN], "bot", "POST", "inbound route", "HTTPRoute ns/api did not take it: the method is not GET"),
    ],
)
def test_the_nearest_miss(texts: list[str], client: str, method: str, end: str, miss: str) -> None:
    explanation = ask(*texts, client=client, method=method)
    assert not explanation.allowed
    assert explanation.steps[-1].stage == end
    assert explanation.nearest_miss == miss


def test_a_profile_route_and_its_retries() -> None:
    profile = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: web.ns.svc.cluster.local}
spec: {routes: [{name: GET /api, condition: {method: GET, pathRegex: /api/.*}, isRetryable: true, timeout: 1s}]}
"""
    steps = {step.stage: step for step in ask(profile).steps}
    assert steps["route"].verdict == "GET /api"
    assert steps["retries"].verdict == "on failures: 20 % of requests and 10/s over 10000 ms"
    assert steps["timeouts"].verdict == "profile 1000 ms"
    missed = ask(profile, method="POST")
    assert {step.stage: step.verdict for step in missed.steps}["route"] == "[DEFAULT]"
    assert missed.nearest_miss.endswith("(GET /api) did not take it: the method is not GET")


def test_a_name_without_an_answer() -> None:
    view = World(CLUSTER).index.view()
    found = view.pod("ns", "bot")
    assert found is not None
    explanation = explain(view, Question(found, "none.ns.svc.cluster.local:80", "none.ns"))
    assert not explanation.allowed
    assert explanation.steps[-1].verdict == "notFound"


FAULT = """
apiVersion: policy.linkerd.io/v1alpha1
kind: FaultInjection
metadata: {name: flaky}
spec: {abort: {httpStatus: 503, percentage: PERCENT}}
"""
FLAKY = OUT.replace(
    "method: GET}]}",
    "method: GET}], filters: "
    "[{type: ExtensionRef, extensionRef: {group: policy.linkerd.io, kind: FaultInjection, name: flaky}}]}",
)
REDIRECT = OUT.replace(
    "method: GET}]}",
    "method: GET}], filters: [{type: RequestRedirect, requestRedirect: "
    "{hostname: new, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2}}}]}",
)
MARKED = OUT.replace(
    "method: GET}]}",
    "method: GET}], filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: b}]}}]}",
)


@pytest.mark.parametrize(
    ("texts", "verdict", "allowed"),
    [
        ([REDIRECT], "302 to http://new/v2/x", False),
        ([FLAKY, FAULT.replace("PERCENT", "100")], "503", False),
        ([FLAKY, FAULT.replace("PERCENT", "30")], "some get 503", True),
        ([FLAKY], "500, filter unknown cannot be carried out", False),
        ([SERVER, ALLOW.replace("ACCOUNT", "bot"), IN], "", True),
        (
            [
                SERVER,
                ALLOW.replace("ACCOUNT", "bot"),
                REDIRECT.replace("core", "policy.linkerd.io").replace("Service, name: web", "Server, name: web-http"),
            ],
            "302 to http://new/v2/x",
            False,
        ),
    ],
)
def test_filters_that_answer(texts: list[str], verdict: str, allowed: bool) -> None:
    explanation = ask(*texts)
    assert explanation.allowed is allowed
    said = [step.verdict for step in explanation.steps if step.stage == "filters"]
    assert said[-1:] == ([verdict] if verdict else [])


def test_the_server_sees_the_headers_that_the_clients_filters_made() -> None:
    inner = IN.replace("method: GET}", "method: GET, headers: [{name: x-a, value: b}]}")
    policies = SERVER, ALLOW.replace("ACCOUNT", "bot"), inner.replace("name: api", "name: inner")
    assert not ask(*policies).allowed
    assert ask(*policies, MARKED).allowed


def test_the_backends_endpoints_are_listed() -> None:
    [backend] = [step for step in ask().steps if step.stage == "backend"]
    assert backend.reason == "1 endpoint: 10.42.0.1:8080"


def test_what_is_not_meshed_is_looked_at_by_the_servers_proxy_whatever_the_service_says() -> None:
    """An opaque Service means nothing to a client without a proxy: its request is read, and may be denied by route."""
    opaque = CLUSTER.replace(
        "metadata: {name: web}\nspec: {clusterIP",
        "metadata: {name: web, annotations: {config.linkerd.io/opaque-ports: '80'}}\nspec: {clusterIP",
        1,
    )
    world = World(opaque, SERVER.replace("spec: {", "spec: {accessPolicy: all-unauthenticated, "), IN)
    view = world.index.view()
    for client, allowed in (("plain", False), ("bot", True)):
        pod = view.pod("ns", client)
        assert pod is not None
        question = Question(pod, "web.ns.svc.cluster.local:80", "web.ns", "/none")
        assert explain(view, question).allowed is allowed, client


TEXTS = st.lists(
    st.sampled_from([SERVER, ALLOW.replace("ACCOUNT", "bot"), ALLOW.replace("ACCOUNT", "web"), OUT, IN]), unique=True
)


@settings(deadline=None)
@given(
    TEXTS,
    st.sampled_from(["bot", "plain"]),
    st.sampled_from(["GET", "POST"]),
    st.sampled_from(["/api", "/api/x", "/apis", "/"]),
)
def test_the_verdict_is_the_proxies(texts: list[str], client: str, method: str, path: str) -> None:
    view = World(CLUSTER, *texts).index.view()
    sender = view.pod("ns", client)
    assert sender is not None
    meshed = client == "bot"
    head: Any = (method.encode(), b"web.ns", path.encode(), [])
    outbound = OutboundPolicy(render_outbound(view, "web.ns.svc.cluster.local:80", Caller("ns")))
    # A client without a proxy has no outbound routes.
    expected = not meshed or outbound.route(*head) is not None
    rule = InboundPolicy(render_inbound(view, "ns/web")).port(8080).route(*head)
    identity = "bot.ns.serviceaccount.identity.linkerd.cluster.local" if meshed else None
    expected = expected and rule is not None and rule.authorize(sender.ips[0], identity, meshed).allowed
    assert ask(*texts, client=client, method=method, path=path).allowed is expected

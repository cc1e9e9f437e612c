"""Admission webhooks, called over real TLS."""

import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from linkerd_sandbox.apiserver.certificates import Authority, server_context

Cluster = Any
CONFIG = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
HOOKS = "/apis/admissionregistration.k8s.io/v1"


class Hook:
    """A webhook server; `answer` makes the response to a request."""

    def __init__(self, authority: Authority, port: int) -> None:
        self.port = port
        self.bundle = base64.b64encode(authority.pem.encode()).decode()
        self.seen: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], Any] = lambda request: {"uid": request["uid"], "allowed": True}

    async def handle(self, request: web.Request) -> web.Response:
        review = await request.json()
        self.seen.append(review["request"])
        answer = self.answer(review["request"])
        if isinstance(answer, web.Response):
            return answer
        return web.json_response({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": answer})

    def patch(self, *operations: dict[str, Any]) -> None:
        """Answer with a JSON patch from now on."""
        text = base64.b64encode(json.dumps(operations).encode()).decode()
        self.answer = lambda request: {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": text}


@pytest.fixture
async def hook(tmp_path: Path) -> AsyncIterator[Hook]:
    authority = Authority("hook-ca")
    authority.issue("hook", ["hook.default.svc", "127.0.0.1"], tmp_path / "hook.crt", tmp_path / "hook.key")
    context = server_context(tmp_path / "hook.crt", tmp_path / "hook.key")
    app = web.Application()
    runner = web.AppRunner(app)
    found = Hook(authority, 0)
    app.router.add_post("/{tail:.*}", found.handle)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


def _configuration(hook: Hook, name: str = "hook", *, mutating: bool = True, **changes: Any) -> dict[str, Any]:
    webhook: dict[str, Any] = {
        "name": f"{name}.example.com",
        "clientConfig": {
            "service": {"namespace": "default", "name": "hook", "port": hook.port, "path": "/mutate"},
            "caBundle": hook.bundle,
        },
        "rules": [
            {"operations": ["CREATE", "UPDATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}
        ],
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **changes,
    }
    kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


async def _register(cluster: Cluster, hook: Hook, *configurations: dict[str, Any]) -> None:
    if cluster.server.store.get("services", "default", "hook") is None:
        # The ClusterIP has to be reachable without a node: loopback stands in for it.
        service = {
            "metadata": {"name": "hook", "namespace": "default"},
            "spec": {"clusterIP": "127.0.0.1", "ports": [{"port": hook.port}]},
        }
        cluster.server.store.put("services", service, {})
    for body in configurations:
        code, answer = await cluster.api("POST", f"{HOOKS}/{body['kind'].lower()}s", body)
        assert code == 201, answer


async def _create(cluster: Cluster, name: str = "c", query: str = "", **meta: Any) -> tuple[int, Any]:
    found: tuple[int, Any] = await cluster.api("POST", CONFIG + query, {"metadata": {"name": name, **meta}})
    return found


async def test_a_patch_changes_the_object(cluster: Cluster, hook: Hook) -> None:
    await _register(cluster, hook, _configuration(hook))
    hook.patch({"op": "add", "path": "/data", "value": {"by": "hook"}})
    code, made = await _create(cluster, query="?fieldManager=me")
    assert (code, made["data"]) == (201, {"by": "hook"})
    seen = hook.seen[0]
    assert (seen["operation"], seen["namespace"], seen["name"], seen["dryRun"]) == ("CREATE", "default", "c", False)
    assert seen["kind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert seen["object"]["metadata"]["name"] == "c"
    assert "uid" not in seen["object"]["metadata"]
    assert seen["oldObject"] is None
    assert seen["userInfo"]["username"] == "kubernetes-admin"
    assert seen["options"] == {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1", "fieldManager": "me"}
    await cluster.api("PATCH", f"{CONFIG}/c", {"data": {"x": "y"}}, media="application/merge-patch+json")
    assert (hook.seen[1]["operation"], hook.seen[1]["oldObject"]["data"]) == ("UPDATE", {"by": "hook"})


async def test_a_patch_that_leaves_no_object_is_the_webhooks_fault(cluster: Cluster, hook: Hook) -> None:
    await _register(cluster, hook, _configuration(hook))
    hook.patch({"op": "replace", "path": "", "value": ["no", "object"]})
    code, refusal = await _create(cluster)
    assert (code, refusal["reason"]) == (500, "InternalError")
    assert 'failed calling webhook "hook.example.com": its patch cannot be used' in refusal["message"]


async def test_deletions_are_put_to_mutating_webhooks_too(cluster: Cluster, hook: Hook) -> None:
    await _create(cluster)
    rules = [{"operations": ["DELETE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}]
    await _register(cluster, hook, _configuration(hook, rules=rules))
    hook.patch({"op": "add", "path": "/data", "value": {}})
    code, refusal = await cluster.api("DELETE", f"{CONFIG}/c")
    assert (code, "attempted to modify the object" in refusal["message"]) == (500, True)
    hook.answer = lambda request: {"uid": request["uid"], "allowed": False, "status": {"message": "keep it"}}
    code, refusal = await cluster.api("DELETE", f"{CONFIG}/c")
    assert (code, refusal["message"]) == (403, 'admission webhook "hook.example.com" denied the request: keep it')
    assert (hook.seen[-1]["operation"], hook.seen[-1]["object"]) == ("DELETE", None)
    hook.answer = lambda request: {"uid": request["uid"], "allowed": True}
    assert (await cluster.api("DELETE", f"{CONFIG}/c"))[0] == 200


async def test_pods_of_controllers_have_no_name_yet(
    cluster: Cluster, hook: Hook, pod: Callable[..., dict[str, Any]]
) -> None:
    rules = [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]
    await cluster.account()
    await _register(cluster, hook, _configuration(hook, rules=rules))
    sidecar = {"name": "linkerd-proxy", "image": "proxy:1"}
    hook.patch({"op": "add", "path": "/spec/containers/-", "value": sidecar})
    body = pod()
    body["metadata"] = {"generateName": "web-"}
    code, made = await cluster.api("POST", PODS, body)
    assert code == 201
    assert "name" not in hook.seen[0]["object"]["metadata"]
    seen = hook.seen[0]["object"]["spec"]
    assert seen["volumes"][0]["name"].startswith("kube-api-access-")
    injected = made["spec"]["containers"][1]
    assert injected["imagePullPolicy"] == "IfNotPresent"
    assert injected["volumeMounts"][0]["name"] == seen["volumes"][0]["name"]
    assert len(made["spec"]["volumes"]) == 1


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        ({"message": "no"}, 403, 'admission webhook "hook.example.com" denied the request: no'),
        ({"message": "no", "code": 422}, 422, 'admission webhook "hook.example.com" denied the request: no'),
        ({}, 403, 'admission webhook "hook.example.com" denied the request without explanation'),
    ],
)
@pytest.mark.parametrize("mutating", [True, False])
async def test_refusals(
    cluster: Cluster, hook: Hook, status: dict[str, Any], code: int, text: str, mutating: bool
) -> None:
    await _register(cluster, hook, _configuration(hook, mutating=mutating))
    hook.answer = lambda request: {"uid": request["uid"], "allowed": False, "status": status}
    answer = await _create(cluster)
    assert (answer[0], answer[1]["message"]) == (code, text)
    assert cluster.server.store.get("configmaps", "default", "c") is None


def _rule(operation: str, resource: str) -> dict[str, Any]:
    return {"operations": [operation], "apiGroups": ["*"], "apiVersions": ["*"], "resources": [resource]}


@pytest.mark.parametrize(
    ("selector", "labels", "called"),
    [
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, {"a": "b"}, True),
        ({"objectSelector": {"matchLabels": {"a": "b"}}}, {}, False),
        ({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}, {}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}, {}, False),
        ({"rules": [_rule("DELETE", "*")]}, {}, False),
        ({"rules": [_rule("*", "*/*")]}, {}, True),
        ({"rules": [{**_rule("*", "*"), "scope": "Cluster"}]}, {}, False),
    ],
)  # fmt: skip
async def test_who_is_asked(
    cluster: Cluster, hook: Hook, selector: dict[str, Any], labels: dict[str, str], called: bool
) -> None:
    await _register(cluster, hook, _configuration(hook, **selector))
    assert (await _create(cluster, labels=labels))[0] == 201
    assert bool(hook.seen) is called


@pytest.mark.parametrize(
    "answer",
    [
        lambda request: web.Response(status=500, text="oops"),
        lambda request: web.Response(text="[]"),
        lambda request: {"uid": "other", "allowed": True},
        lambda request: {"uid": request["uid"], "allowed": True, "patch": "e30="},
        lambda request: web.Response(text="{"),
    ],
)
async def test_failures_go_by_the_failure_policy(cluster: Cluster, hook: Hook, answer: Any) -> None:
    await _register(cluster, hook, _configuration(hook))
    hook.answer = answer
    code, refusal = await _create(cluster)
    assert (code, refusal["reason"]) == (500, "InternalError")
    assert 'failed calling webhook "hook.example.com"' in refusal["message"]
    await cluster.api("DELETE", f"{HOOKS}/mutatingwebhookconfigurations/hook")
    await _register(cluster, hook, _configuration(hook, failurePolicy="Ignore"))
    assert (await _create(cluster))[0] == 201


async def test_the_certificate_is_verified(cluster: Cluster, hook: Hook) -> None:
    other = base64.b64encode(Authority("other").pem.encode()).decode()
    config = _configuration(hook)
    config["webhooks"][0]["clientConfig"]["caBundle"] = other
    await _register(cluster, hook, config)
    code, refusal = await _create(cluster)
    assert code == 500
    assert "certificate" in refusal["message"].lower()
    assert not hook.seen
    assert ssl.OPENSSL_VERSION


async def test_a_service_that_is_missing_fails_and_timeouts_are_kept(cluster: Cluster, hook: Hook) -> None:
    config = _configuration(hook)
    config["webhooks"][0]["clientConfig"]["service"]["name"] = "missing"
    await _register(cluster, hook, config)
    code, refusal = await _create(cluster)
    assert code == 500
    assert 'service "missing" not found' in refusal["message"]


async def test_dry_run_needs_a_webhook_without_side_effects(cluster: Cluster, hook: Hook) -> None:
    await _register(cluster, hook, _configuration(hook))
    code, _ = await _create(cluster, query="?dryRun=All")
    assert (code, hook.seen[0]["dryRun"]) == (201, True)
    assert cluster.server.store.get("configmaps", "default", "c") is None


async def test_reinvocation_shows_a_hook_what_later_ones_did(cluster: Cluster, hook: Hook) -> None:
    again = _configuration(hook, "a-again", reinvocationPolicy="IfNeeded")
    await _register(cluster, hook, again, _configuration(hook, "b-changes"))

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        count = len(request["object"].get("data", {}))
        operation = {"op": "add", "path": "/data", "value": {str(i): "" for i in range(count + 1)}}
        text = base64.b64encode(json.dumps([operation]).encode()).decode()
        return {"uid": request["uid"], "allowed": True, "patchType": "JSONPatch", "patch": text, "warnings": ["hm"]}

    hook.answer = answer
    _, made = await _create(cluster)
    assert sorted(made["data"]) == ["0", "1", "2"]


async def test_warnings_reach_the_client(cluster: Cluster, hook: Hook) -> None:
    await _register(cluster, hook, _configuration(hook, mutating=False))
    hook.answer = lambda request: {"uid": request["uid"], "allowed": True, "warnings": ["mind the gap"]}
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    async with cluster.session.post(
        cluster.url + CONFIG, json={"metadata": {"name": "c"}}, headers=headers
    ) as response:
        assert response.headers.getall("Warning") == ['299 - "mind the gap"']

"""ServiceAccount tokens and RBAC, from TokenRequest to 403."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkerd_sandbox.apiserver.claims import BadClaims
from linkerd_sandbox.apiserver.tokens import Signer

Cluster = Any
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
CONFIG = "/api/v1/namespaces/default/configmaps"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return found


async def _token(cluster: Cluster, name: str = "default", **spec: Any) -> str:
    code, answer = await cluster.api("POST", f"{ACCOUNTS}/{name}/token", {"spec": spec})
    assert code == 201, answer
    return str(answer["status"]["token"])


def test_signatures(tmp_path: Path) -> None:
    signer = Signer.create(tmp_path / "a")
    token = signer.sign({"a": 1})
    assert signer.verify(token) == {"a": 1}
    head, payload, signature = token.split(".")
    for bad in (
        "",
        "a.b",
        f"{head}.{payload}.",
        f"{head}.e30.{signature}",
        f"e30.{payload}.{signature}",
        "a.b.c",
        "ä.b.c",
    ):
        with pytest.raises(BadClaims):
            signer.verify(bad)
    with pytest.raises(BadClaims):
        Signer.create(tmp_path / "b").verify(token)


async def test_token_request(cluster: Cluster, pod: Callable[..., dict[str, Any]]) -> None:
    await cluster.account()
    token = await _token(cluster, audiences=["identity.l5d.io"], expirationSeconds=700)
    claims = _claims(token)
    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["aud"] == ["identity.l5d.io"]
    assert 690 < claims["exp"] - time.time() <= 700
    code, refusal = await cluster.api("POST", f"{ACCOUNTS}/default/token", {"spec": {"expirationSeconds": 5}})
    assert (code, refusal["reason"]) == (422, "Invalid")
    code, _ = await cluster.api("POST", f"{ACCOUNTS}/missing/token", {"spec": {}})
    assert code == 404
    _, made = await cluster.api("POST", "/api/v1/namespaces/default/pods", pod())
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p", "uid": made["metadata"]["uid"]}
    token = await _token(cluster, boundObjectRef=bound)
    assert _claims(token)["kubernetes.io"]["pod"] == {"name": "p", "uid": made["metadata"]["uid"]}
    review = {"spec": {"token": token}}
    _, answer = await cluster.api("POST", REVIEWS, review)
    assert answer["status"]["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]
    await cluster.api("DELETE", "/api/v1/namespaces/default/pods/p")
    _, answer = await cluster.api("POST", REVIEWS, review)
    assert "authenticated" not in answer["status"]


async def test_token_review(cluster: Cluster) -> None:
    await cluster.account()
    token = await _token(cluster, audiences=["identity.l5d.io"])
    review = {"spec": {"token": token, "audiences": ["identity.l5d.io", "x"]}}
    code, answer = await cluster.api("POST", REVIEWS, review)
    assert code == 201
    assert answer["status"]["authenticated"] is True
    assert answer["status"]["audiences"] == ["identity.l5d.io"]
    user = answer["status"]["user"]
    assert user["username"] == "system:serviceaccount:default:default"
    assert user["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    _, answer = await cluster.api("POST", REVIEWS, {"spec": {"token": token}})
    assert answer["status"].get("authenticated") is None
    why = 'token audiences ["identity.l5d.io"] is invalid for the target audiences '
    assert answer["status"]["error"].startswith(f"[invalid bearer token, {why}[")
    _, answer = await cluster.api("POST", REVIEWS, {"spec": {"token": "none"}})
    assert answer["status"]["error"] == "invalid bearer token"
    code, _ = await cluster.api("POST", REVIEWS, {"spec": {}})
    assert code == 400


async def test_a_token_dies_with_its_account(cluster: Cluster) -> None:
    await cluster.account()
    token = await _token(cluster)
    assert (await cluster.api("GET", "/api", token=token))[0] == 200
    await cluster.api("DELETE", f"{ACCOUNTS}/default")
    await cluster.account()
    assert (await cluster.api("GET", "/api", token=token))[0] == 401


async def _bind(cluster: Cluster, rules: list[dict[str, Any]], *, cluster_wide: bool = False) -> None:
    kind, where = ("ClusterRole", "") if cluster_wide else ("Role", "/namespaces/default")
    await cluster.api("POST", f"{RBAC}{where}/{kind.lower()}s", {"metadata": {"name": "r"}, "rules": rules})
    body = {
        "metadata": {"name": "b"},
        "roleRef": {"kind": kind, "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
    }
    code, answer = await cluster.api("POST", f"{RBAC}{where}/{kind.lower()}bindings", body)
    assert code == 201, answer
    assert answer["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("rule", "requests"),
    [
        (
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]},
            {
                ("GET", CONFIG): 200, ("GET", f"{CONFIG}/x"): 404, ("GET", f"{CONFIG}?watch=1"): 403,
                ("DELETE", f"{CONFIG}/x"): 403, ("GET", "/api/v1/configmaps"): 403,
            },
        ),
        (
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"], "resourceNames": ["x"]},
            {("GET", f"{CONFIG}/x"): 404, ("GET", f"{CONFIG}/y"): 403},
        ),
        (
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["*"]},
            {("GET", "/api/v1/namespaces/default/pods/x/log"): 404, ("GET", "/api/v1/namespaces/default/pods/x"): 403},
        ),
        (
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
            {("GET", CONFIG): 200, ("GET", "/api/v1/nodes"): 403},
        ),
    ],
)  # fmt: skip
async def test_rules(cluster: Cluster, rule: dict[str, Any], requests: dict[tuple[str, str], int]) -> None:
    await cluster.account()
    token = await _token(cluster)
    for method, path in requests:
        assert (await cluster.api(method, path, token=token))[0] == 403
    await _bind(cluster, [rule])
    for (method, path), code in requests.items():
        assert (await cluster.api(method, path, token=token))[0] == code, (method, path)


async def test_cluster_roles_and_paths(cluster: Cluster) -> None:
    await cluster.account()
    token = await _token(cluster)
    assert (await cluster.api("GET", "/openapi/v3", token=token))[0] == 200
    assert (await cluster.api("GET", "/", token=token))[0] == 403
    rules = [
        {"nonResourceURLs": ["/"], "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
    ]
    await _bind(cluster, rules, cluster_wide=True)
    assert (await cluster.api("GET", "/", token=token))[0] == 200
    assert (await cluster.api("GET", "/apis/apps/v1/deployments", token=token))[0] == 200
    assert (await cluster.api("GET", "/apis/apps/v1/namespaces/kube-system/deployments", token=token))[0] == 200
    code, refusal = await cluster.api("GET", "/api/v1/namespaces/default/secrets/x", token=token)
    assert (code, refusal["message"]) == (
        403,
        'secrets "x" is forbidden: User "system:serviceaccount:default:default" cannot get resource "secrets" in API '
        'group "" in the namespace "default"',
    )


async def test_access_reviews(cluster: Cluster) -> None:
    await cluster.account()
    await _bind(cluster, [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}])
    token = await _token(cluster)
    path = "/apis/authorization.k8s.io/v1"

    def asked(resource: str, **user: Any) -> dict[str, Any]:
        return {"spec": {**user, "resourceAttributes": {"namespace": "default", "verb": "get", "resource": resource}}}

    for resource, allowed in (("configmaps", True), ("secrets", False)):
        _, answer = await cluster.api("POST", f"{path}/selfsubjectaccessreviews", asked(resource), token=token)
        assert answer["status"]["allowed"] is allowed
        user = {"user": "system:serviceaccount:default:default"}
        _, answer = await cluster.api("POST", f"{path}/subjectaccessreviews", asked(resource, **user))
        assert answer["status"]["allowed"] is allowed
    code, _ = await cluster.api("POST", f"{path}/subjectaccessreviews", asked("pods"))
    assert code == 422
    _, answer = await cluster.api(
        "POST", f"{path}/selfsubjectrulesreviews", {"spec": {"namespace": "default"}}, token=token
    )
    assert {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]} in answer["status"]["resourceRules"]
    _, who = await cluster.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=token)
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"


async def test_components_are_administrators(cluster: Cluster) -> None:
    token = cluster.server.component_token("system:kube-controller-manager")
    assert (await cluster.api("GET", "/api/v1/nodes", token=token))[0] == 200
    _, who = await cluster.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token=token)
    assert who["status"]["userInfo"]["username"] == "system:kube-controller-manager"


async def test_issuer_discovery(cluster: Cluster) -> None:
    _, document = await cluster.api("GET", "/.well-known/openid-configuration")
    assert document["issuer"] == "https://kubernetes.default.svc.cluster.local"
    _, keys = await cluster.api("GET", "/openid/v1/jwks")
    assert keys["keys"][0]["alg"] == "ES256"

"""`linkerd check`, typed, against clusters whole and broken."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from cli.tests.check.mesh import WEBHOOK, Issued, control_plane, trust, webhook
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal
from cryptography.hazmat.primitives.asymmetric import ec

from linkerd_runtime.process import serve

WHOLE = """kubernetes-api
--------------
√ can initialize the client
√ can query the Kubernetes API

kubernetes-version
------------------
√ is running the minimum Kubernetes API version

linkerd-existence
-----------------
√ 'linkerd-config' config map exists
√ control plane replica sets are ready
√ no unschedulable pods
√ control plane pods are ready
√ cluster networks contains all pods
√ cluster networks contains all services

linkerd-config
--------------
√ control plane Namespace exists
√ control plane ClusterRoles exist
√ control plane ClusterRoleBindings exist
√ control plane ServiceAccounts exist
√ control plane CustomResourceDefinitions exist
√ control plane MutatingWebhookConfigurations exist

linkerd-identity
----------------
√ certificate config is valid
√ trust anchors are using supported crypto algorithm
√ trust anchors are within their validity period
√ trust anchors are valid for at least 60 days
√ issuer cert is using supported crypto algorithm
√ issuer cert is within its validity period
√ issuer cert is valid for at least 60 days
√ issuer cert is issued by the trust anchor

linkerd-webhooks-and-apisvc-tls
-------------------------------
√ proxy-injector webhook has valid cert
√ proxy-injector cert is valid for at least 60 days

linkerd-version
---------------
‼ can determine the latest version
    no release URL is configured
    see docs/checks.md#l5d-version-latest for hints

control-plane-version
---------------------
√ can retrieve the control plane version
√ control plane and cli versions match

linkerd-control-plane-proxy
---------------------------
√ control plane pods carry no proxy: they terminate TLS themselves

Status check results are √
"""


async def test_a_whole_control_plane(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    said = await terminal.linkerd("check")
    assert (said.code, said.out, said.err) == (0, WHOLE, "")


async def _problems(terminal: Terminal, *flags: str) -> dict[str, str]:
    said = await terminal.quick("check", "--wait", "0", "-o", "json", *flags)
    document = json.loads(said.out)
    assert document["success"] is (said.code == 0)
    checks = [check for category in document["categories"] for check in category["checks"]]
    return {
        check["description"]: check["error"]
        for check in checks
        if check["result"] != "success" and check["description"] != "can determine the latest version"
    }


def _no_config(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/configmaps/linkerd-config")


def _no_crd(kube: Cluster) -> None:
    kube.remove("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/servers.policy.linkerd.io")


def _pod_gone(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/pods/linkerd-destination-1")


def _pod_stuck(kube: Cluster) -> None:
    pod = kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]
    waiting = {"reason": "ErrImagePull", "message": "no such image"}
    pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "a", "state": {"waiting": waiting}}]}


def _foreign_pod(kube: Cluster) -> None:
    kube.add_pod("x", "far", {}, status={"podIP": "203.0.113.7"})


def _expired_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=-2))


def _issuer_ends_soon(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, days=30))


def _foreign_issuer(kube: Cluster) -> None:
    trust(kube, Issued("root", days=3650), Issued("identity.linkerd", by=Issued("root", days=3650)))


def _weak_issuer(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor, curve=ec.SECP384R1()))


def _other_key(kube: Cluster) -> None:
    anchor = Issued("root", days=3650)
    trust(kube, anchor, Issued("identity.linkerd", by=anchor), anchor.key_pem)


def _no_issuer(kube: Cluster) -> None:
    kube.remove("/api/v1/namespaces/linkerd/secrets/linkerd-identity-issuer")


def _no_ca_bundle(kube: Cluster) -> None:
    del kube.objects[WEBHOOK]["webhooks"][0]["clientConfig"]["caBundle"]


def _foreign_ca_bundle(kube: Cluster) -> None:
    authority = Issued("linkerd-proxy-injector.linkerd.svc")
    webhook(kube, Issued("linkerd-proxy-injector.linkerd.svc", by=authority), Issued("other"))


def _wrong_host(kube: Cluster) -> None:
    authority = Issued("a")
    webhook(kube, Issued("elsewhere", by=authority), authority)


def _old_control_plane(kube: Cluster) -> None:
    config = kube.objects["/api/v1/namespaces/linkerd/configmaps/linkerd-config"]
    values = json.loads(config["data"]["values"])
    config["data"]["values"] = json.dumps(values | {"linkerdVersion": "0.0.1"})


def _meshed_control_plane(kube: Cluster) -> None:
    kube.objects["/api/v1/namespaces/linkerd/pods/linkerd-identity-1"]["spec"]["containers"] = [
        {"name": "linkerd-proxy"}
    ]


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_no_config, "'linkerd-config' config map exists", '"linkerd-config" not found'),
        (_no_crd, "control plane CustomResourceDefinitions exist", "servers.policy.linkerd.io"),
        (_pod_gone, "control plane pods are ready", 'No running pods for "linkerd-destination"'),
        (_pod_stuck, "control plane pods are ready", 'pod "linkerd-identity-1" status is ErrImagePull (no such image)'),
        (_foreign_pod, "cluster networks contains all pods", "pod x/far (203.0.113.7)"),
        (_expired_issuer, "issuer cert is within its validity period", "not valid anymore. Expired on"),
        (_foreign_issuer, "issuer cert is issued by the trust anchor", "not signed by any of the trust anchors"),
        (_weak_issuer, "issuer cert is using supported crypto algorithm", "must use P-256 curve"),
        (_other_key, "certificate config is valid", "the key is not the certificate's"),
        (_no_issuer, "certificate config is valid", '"linkerd-identity-issuer" not found'),
        (_no_ca_bundle, "proxy-injector webhook has valid cert", "has no caBundle"),
        (_foreign_ca_bundle, "proxy-injector webhook has valid cert", "does not vouch for the certificate"),
        (_wrong_host, "proxy-injector webhook has valid cert", "is not for linkerd-proxy-injector.linkerd.svc"),
        (
            _meshed_control_plane,
            "control plane pods carry no proxy: they terminate TLS themselves",
            "pods that have a proxy: linkerd-identity-1",
        ),
    ],
)
async def test_a_broken_one_names_the_cause(
    terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str
) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await _problems(terminal)
    assert list(problems) == [check]
    assert told in problems[check]


@pytest.mark.parametrize(
    ("breakage", "check", "told"),
    [
        (_issuer_ends_soon, "issuer cert is valid for at least 60 days", "will expire on"),
        (_old_control_plane, "control plane and cli versions match", "control plane running 0.0.1 but cli running"),
    ],
)
async def test_warnings_fail_nothing(terminal: Terminal, kube: Cluster, breakage: Any, check: str, told: str) -> None:
    control_plane(kube)
    breakage(kube)
    problems = await _problems(terminal)
    assert told in problems[check]
    assert (await terminal.quick("check", "-o", "short")).out.endswith("\nStatus check results are √\n")


async def test_waits_for_what_comes_up(terminal: Terminal, kube: Cluster) -> None:
    import asyncio

    control_plane(kube)
    _pod_gone(kube)
    typed = asyncio.create_task(terminal.linkerd("check", "--wait", "30s"))
    path = "GET /api/v1/namespaces/linkerd/pods"
    async with asyncio.timeout(30):
        while kube.requests.count(path) < 3:
            await asyncio.sleep(0.01)
    kube.add_pod("linkerd", "linkerd-destination-2", {"linkerd.io/control-plane-component": "destination"})
    assert (await typed).code == 0


async def test_pre(terminal: Terminal, kube: Cluster) -> None:
    assert await _problems(terminal, "--pre") == {}
    kube.put("/api/v1/namespaces/linkerd", {})
    kube.denied = {"deployments", "secrets"}
    now = datetime.now(UTC)
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": (now - timedelta(hours=1)).isoformat()}
    kube.put("/api/v1/nodes/slow", {"status": {"conditions": [ready]}})
    problems = await _problems(terminal, "--pre")
    assert list(problems) == [
        "control plane namespace does not already exist",
        "can create Deployments",
        "can create Secrets",
        "can read Secrets",
        "no clock skew detected",
    ]
    assert problems["can create Deployments"] == "not authorized to create deployments.apps"
    assert "slow" in problems["no clock skew detected"]


async def test_an_old_kubernetes(terminal: Terminal, kube: Cluster) -> None:
    kube.version = "v1.16.9"
    problems = await _problems(terminal, "--pre")
    assert problems == {
        "is running the minimum Kubernetes API version": (
            "Kubernetes is on version [1.16], but version [1.17] or more recent is required"
        )
    }


async def test_no_cluster(terminal: Terminal) -> None:
    said = await terminal.linkerd("check")
    assert said.code == 1
    assert said.out.startswith(
        "kubernetes-api\n--------------\n× can initialize the client\n    no cluster to talk to: "
    )
    assert said.out.endswith("\nStatus check results are ×\n")


@pytest.mark.parametrize(
    ("answer", "status", "problems"),
    [
        ('{"stable": "0.1.0"}', 200, {}),
        ('{"stable": "9.9.9"}', 200, {"cli is up-to-date": "is running version 0.1.0 but the latest version is 9.9.9"}),
        ("{}", 200, {"can determine the latest version": "no version under the key `stable`"}),
        ("frog", 200, {"can determine the latest version": "Expecting value"}),
        ("{}", 404, {"can determine the latest version": "404"}),
    ],
)
async def test_the_latest_version_is_what_the_release_url_says(
    terminal: Terminal, kube: Cluster, answer: str, status: int, problems: dict[str, str]
) -> None:
    async def latest(_request: web.Request) -> web.Response:
        return web.Response(text=answer, status=status)

    app = web.Application()
    app.router.add_get("/latest", latest)
    runner = await serve(app, "127.0.0.1", 0)
    try:
        terminal.environment["LINKERD_RELEASE_URL"] = f"http://127.0.0.1:{runner.addresses[0][1]}/latest"
        said = await terminal.quick("check", "--pre", "-o", "json")
    finally:
        await runner.cleanup()
    assert said.code == 0
    checks = json.loads(said.out)["categories"][-1]["checks"]
    found = {check["description"]: check["error"] for check in checks if check["result"] != "success"}
    assert list(found) == list(problems)
    assert all(told in found[name] for name, told in problems.items())


async def test_proxies(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    problems = await _problems(terminal, "--proxy")
    assert problems == {"data plane proxies are ready": 'No "linkerd-proxy" containers found in any namespace'}
    kube.put("/api/v1/namespaces/x", {})
    kube.add_pod(
        "x",
        "web",
        {"linkerd.io/control-plane-ns": "linkerd"},
        metadata={"annotations": {"linkerd.io/proxy-version": "0.0.1", "linkerd.io/trust-root-sha256": "0"}},
        status={"initContainerStatuses": [{"name": "linkerd-proxy", "ready": True}]},
    )
    problems = await _problems(terminal, "--proxy", "-n", "x")
    assert list(problems) == ["data plane proxies certificate match CA", "data plane and cli versions match"]
    assert "x/web (0.0.1)" in problems["data plane and cli versions match"]
    problems = await _problems(terminal, "--proxy", "-n", "y")
    assert list(problems)[-1] == "data plane namespace exists"


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["-n", "x"], "--namespace is of use with --proxy only"),
        (["--wait", "frog"], "--wait: 'frog' is not a duration"),
        (["--pre", "--proxy"], "argument --proxy: not allowed with argument --pre"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, flags: list[str], told: str) -> None:
    said = await terminal.quick("check", *flags)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

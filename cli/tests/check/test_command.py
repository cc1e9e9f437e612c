"""`linkerd check`, typed."""

import asyncio
from datetime import datetime, timedelta
from unittest.mock import Mock, patch

import pytest
from cli.tests.check.asking import problems_of
from cli.tests.check.mesh import control_plane
from cli.tests.cluster import Cluster
from cli.tests.terminal import Terminal

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
√ control plane Roles exist
√ control plane RoleBindings exist
√ control plane ServiceAccounts exist
√ control plane CustomResourceDefinitions exist
√ control plane MutatingWebhookConfigurations exist
√ control plane ValidatingWebhookConfigurations exist
√ proxy-init container runs as root user if docker container runtime is used

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
√ sp-validator webhook has valid cert
√ sp-validator cert is valid for at least 60 days
√ policy-validator webhook has valid cert
√ policy-validator cert is valid for at least 60 days
√ webhooks have endpoints

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

linkerd-extension-checks
------------------------
√ namespace configuration for extensions
√ no namespace is stuck being deleted

Status check results are √
"""


async def test_a_whole_control_plane(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    said = await terminal.linkerd("check")
    assert (said.code, said.out, said.err) == (0, WHOLE, "")


async def test_waits_for_what_comes_up(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    kube.remove("/api/v1/namespaces/linkerd/pods/linkerd-destination-1")
    typed = asyncio.create_task(terminal.linkerd("check", "--wait", "60s"))
    path = "GET /api/v1/namespaces/linkerd/pods"
    async with asyncio.timeout(30):
        while kube.requests.count(path) < 3:
            await asyncio.sleep(0.01)
    kube.add_pod("linkerd", "linkerd-destination-2", {"linkerd.io/control-plane-component": "destination"})
    assert (await typed).code == 0


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["-n", "x"], "--namespace is of use with --proxy only"),
        (["--wait", "frog"], "--wait: 'frog' is not a duration"),
        (["--pre", "--proxy"], "argument --proxy: not allowed with argument --pre"),
        (["--expected-version", "1", "--release-url", "http://x"], "--expected-version contradicts --release-url"),
        (["--linkerd-cni-enabled"], "linkerd check --linkerd-cni-enabled: not implemented"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, flags: list[str], told: str) -> None:
    said = await terminal.linkerd("check", *flags)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1


async def test_definitions_alone(terminal: Terminal, kube: Cluster) -> None:
    said = await terminal.linkerd("check", "--crds", "--expected-version", "0.1.0")
    assert said.code == 1
    assert "linkerd-crd\n-----------\n× control plane CustomResourceDefinitions exist\n    missing Cust" in said.out
    control_plane(kube)
    said = await terminal.linkerd("check", "--crds", "--expected-version", "0.1.0")
    assert said.code == 0
    assert said.out.endswith(
        "linkerd-crd\n-----------\n√ control plane CustomResourceDefinitions exist\n\n"
        "linkerd-version\n---------------\n√ can determine the latest version\n√ cli is up-to-date\n\n"
        "Status check results are √\n"
    )


async def test_a_clock_that_is_wrong_is_suspected(terminal: Terminal, kube: Cluster) -> None:
    control_plane(kube)
    ten_days_behind = Mock(now=lambda zone: datetime.now(zone) - timedelta(days=10))
    with patch("linkerd_cli.check.command.datetime", ten_days_behind):
        problems = await problems_of(terminal)
    told = problems["trust anchors are within their validity period"]
    assert "not valid before: " in told
    assert "is this clock right?" in told

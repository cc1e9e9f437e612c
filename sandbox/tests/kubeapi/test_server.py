"""Programs that a user brings: why they do not start, and that a real API server serves the sandbox."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox.tests.sandboxes import Sandbox, pod, started

from linkerd_sandbox.kubeapi.server import KubeApiServer, Programs, StartFailed

GIVEN = (os.environ.get("KUBE_APISERVER", ""), os.environ.get("ETCD", ""))


def _program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    ("version", "etcd", "serve", "why"),
    [
        ("echo etcd 3.4", "exec sleep 60", "exec sleep 60", "does not name a release of Kubernetes"),
        (
            "echo Kubernetes v1.20.2",
            "echo no space left; exit 3",
            "exec sleep 60",
            "etcd ended (exit 3):\nno space left",
        ),
        (
            "echo Kubernetes v1.20.2",
            "exec sleep 60",
            "echo bad flag; exit 1",
            "kube-apiserver ended (exit 1):\nbad flag",
        ),
    ],
)
async def test_what_does_not_start_is_named(tmp_path: Path, version: str, etcd: str, serve: str, why: str) -> None:
    programs = Programs(
        _program(tmp_path / "kube-apiserver", f'[ "$1" = --version ] && {{ {version}; exit; }}\n{serve}'),
        _program(tmp_path / "etcd", etcd),
    )
    with socket.create_server(("127.0.0.1", 0)) as outer:
        server = KubeApiServer(programs, tmp_path / "state", ("127.0.0.1", 1), "10.43.0.0/16", ["system:kube-proxy"])
        try:
            async with asyncio.timeout(30):
                with pytest.raises(StartFailed) as failed:
                    await server.start(outer)
        finally:
            await server.stop()
    assert why in str(failed.value)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    programs = Programs(str(tmp_path / "none"), "/bin/true")
    server = KubeApiServer(programs, tmp_path / "state", ("127.0.0.1", 1), "10.43.0.0/16", [])
    with socket.create_server(("127.0.0.1", 0)) as outer, pytest.raises(StartFailed, match="No such file"):
        await server.start(outer)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Sandbox]:
    if not all(GIVEN):
        pytest.skip("KUBE_APISERVER and ETCD name no programs: the sandbox cannot be tried on a real API server")
    sandbox = started(tmp_path / "sandbox", "--kube-apiserver", GIVEN[0], "--etcd", GIVEN[1])
    try:
        yield sandbox
    finally:
        sandbox.run("down")


@pytest.mark.root
def test_a_real_api_server_serves_the_sandbox(real: Sandbox) -> None:
    """Controllers, scheduler and kubelet are its clients; it asks the kubelet for logs and commands."""
    server = {"name": "c", "image": "sandbox/tools", "command": ["sh", "-c", "echo started; exec sleep 1000"]}
    template = {
        "metadata": {"labels": {"app": "a"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [server]},
    }
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": template}
    real.apply(
        [
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "a"},
                "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]},
            },
            pod("p", server),
        ]
    )
    real.kubectl("rollout", "status", "deployment/a", "--timeout=60s")
    real.wait("condition=Ready", "pod/p")
    assert real.logs("p") == "started\n"
    assert real.kubectl("exec", "p", "--", "cat", "/etc/hostname").stdout == "p\n"
    assert real.kubectl("exec", "p", "--", "sh", "-c", "exit 7", check=False).returncode == 7
    endpoints = real.get("endpoints", "a")
    assert len(endpoints["subsets"][0]["addresses"]) == 2
    real.kubectl("delete", "deployment", "a", "--cascade=foreground", "--timeout=60s")
    assert real.kubectl("get", "pods", "-o", "name").stdout == "pod/p\n"
    assert "Traceback" not in real.log

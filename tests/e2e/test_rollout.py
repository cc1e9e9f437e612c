"""Rolling restarts under load, as an upgrade makes them: an application, the control plane, emojivoto."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e.cluster import CONTROL_PLANE, Cluster, until
from tests.e2e.manifests import MESHED, PORTS
from tools.demo import ROOT

from linkerd_contract import names
from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import DEPLOYMENTS

pytestmark = pytest.mark.root

EMOJIVOTO = "emojivoto"
DEPLOYED = ("emoji", "voting", "web")
CONTROLLERS = ("linkerd-identity", "linkerd-destination", "linkerd-proxy-injector")


@contextmanager
def load(mesh: Cluster, host: str, port: int, path: str = "/") -> Iterator[None]:
    """Requests of a meshed pod, on connections kept and on new ones, all the while; none of them fails."""
    name: JsonObject = {"name": "rollout"}
    mesh.ask(MESHED, "client", "load_start", **name, host=host, port=port, path=path)
    try:
        answers(mesh, 20)
        yield
        answers(mesh, 50)
    finally:
        report = mesh.ask(MESHED, "client", "load_stop", **name)
    assert report["failed"] == 0, json.dumps(report, indent=1)


def answers(mesh: Cluster, count: int) -> None:
    """Waits for so many more."""

    def so_far() -> int:
        return sum(mesh.ask(MESHED, "client", "load_read", name="rollout")["answered"].values())

    before = so_far()
    until(lambda: so_far() >= before + count, 60, f"{count} answers more")


def restart(mesh: Cluster, namespace: str, *deployments: str) -> None:
    """`kubectl rollout restart`, until every pod is another and the old ones are gone, not only on their way."""
    before = {name: pods_of(mesh, namespace, name) for name in deployments}
    for name in deployments:
        stamp = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": str(time.time())}}}
        mesh.patch(DEPLOYMENTS, namespace, name, {"spec": {"template": stamp}})
    mesh.await_available(namespace, *deployments, seconds=90)
    for name, old in before.items():
        await_left(mesh, namespace, name, len(old))
        assert pods_of(mesh, namespace, name).isdisjoint(old)


def await_left(mesh: Cluster, namespace: str, deployment: str, count: int) -> None:
    pods = selector(mesh, namespace, deployment)
    until(lambda: mesh.left(namespace, pods) == count, 60, f"{count} of {deployment} and no old ones")


def selector(mesh: Cluster, namespace: str, deployment: str) -> str:
    found = mesh.get(DEPLOYMENTS, namespace, deployment)
    assert found is not None, deployment
    return ",".join(f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items())


def pods_of(mesh: Cluster, namespace: str, deployment: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in mesh.pods(namespace, selector(mesh, namespace, deployment))}


def test_an_application(mesh: Cluster) -> None:
    """And the new pods are found."""
    with load(mesh, f"pair.{MESHED}", PORTS["http1"]):
        restart(mesh, MESHED, "pair")
        new = pods_of(mesh, MESHED, "pair")
        until(
            lambda: new <= set(mesh.ask(MESHED, "client", "load_read", name="rollout")["answered"]), 60, "both answer"
        )


@pytest.fixture(scope="module")
def emojivoto(mesh: Cluster) -> Iterator[None]:
    """The demo's application, meshed."""
    manifest = ROOT / "examples/emojivoto/emojivoto.yml"
    try:
        mesh.run("sh", "-c", f"linkerd inject {manifest} | kubectl apply -f -")
        mesh.await_available(EMOJIVOTO, *DEPLOYED, seconds=90)
        mesh.await_endpoints(EMOJIVOTO, "web-svc")
        yield
    finally:
        mesh.run("kubectl", "delete", "-f", str(manifest), "--ignore-not-found", seconds=90)


VOTE = "/api/vote?choice=:joy:"
"""By web, emoji and voting; no doughnut, which fails on purpose."""


def test_the_control_plane(mesh: Cluster, emojivoto: None) -> None:
    """All of it at once; and what starts meanwhile is meshed and certified by the new one."""
    with load(mesh, f"web-svc.{EMOJIVOTO}", 80, VOTE):
        restart(mesh, CONTROL_PLANE, *CONTROLLERS)
        restart(mesh, EMOJIVOTO, "voting")
    (voting,) = mesh.pods(EMOJIVOTO, selector(mesh, EMOJIVOTO, "voting"))
    containers = [c["name"] for key in ("initContainers", "containers") for c in voting["spec"].get(key, [])]
    assert names.PROXY_CONTAINER in containers


def test_emojivoto(mesh: Cluster, emojivoto: None) -> None:
    with load(mesh, f"web-svc.{EMOJIVOTO}", 80, VOTE):
        restart(mesh, EMOJIVOTO, *DEPLOYED)

"""Tap and top on a cluster: the lines, who may, what is not shown, and pods that are not tapped."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from tests.e2e.cluster import Cluster, until
from tests.e2e.manifests import MESHED, PORTS, deployment, namespace, scripts, service

from linkerd_kube import portforward
from linkerd_kube.objects import JsonObject

pytestmark = pytest.mark.root

SPACE = "e2e-tap"
VIZ = "linkerd-viz"
SERVER = f"server.{SPACE}.svc.cluster.local"
OFF = {"viz.linkerd.io/disable-tap": "true"}


@pytest.fixture(scope="module")
def tapped(mesh: Cluster) -> Iterator[Cluster]:
    """Viz, and an application that joined the mesh after it."""
    mesh.run("sh", "-c", "linkerd viz install | kubectl apply -f -")
    try:
        mesh.await_available(VIZ, "tap", "metrics-api", seconds=120)
        mesh.apply(
            namespace(SPACE, **{"linkerd.io/inject": "enabled"}),
            scripts(SPACE),
            service(SPACE, "server"),
            deployment(SPACE, "server"),
            deployment(SPACE, "client"),
            deployment(SPACE, "shy", OFF),
        )
        mesh.await_available(SPACE, "server", "client", "shy")
        mesh.await_endpoints(SPACE, "server")
        yield mesh
    finally:
        mesh.run("kubectl", "delete", "namespace", SPACE, "--ignore-not-found", seconds=180, check=False)
        mesh.run("sh", "-c", "linkerd viz uninstall | kubectl delete --ignore-not-found -f -", seconds=180, check=False)


class Traffic:
    """A request after the other, until the block ends."""

    def __init__(self, mesh: Cluster) -> None:
        self._mesh = mesh
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            self._mesh.ask(SPACE, "client", "http1", host=SERVER, port=PORTS["http1"], path="/tapped")


@contextmanager
def tapping(mesh: Cluster, *arguments: str) -> Iterator[IO[str]]:
    """What a tap of the server writes while there is traffic; nothing more after two minutes."""
    typed = ["linkerd", "viz", "tap", "deploy/server", "-n", SPACE, "--path", "/tapped", *arguments]
    process = subprocess.Popen(typed, stdout=subprocess.PIPE, text=True, env=mesh.environment)
    assert process.stdout is not None
    kill = threading.Timer(120, process.kill)
    kill.start()
    try:
        with Traffic(mesh):
            yield process.stdout
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
        kill.cancel()


def tap(mesh: Cluster, *arguments: str, lines: int = 3) -> list[str]:
    """The first lines."""
    with tapping(mesh, *arguments) as output:
        return [output.readline() for _ in range(lines)]


def refused(mesh: Cluster, *arguments: str) -> str:
    """What a tap that cannot be says."""
    done = mesh.run("linkerd", *arguments, check=False)
    assert done.returncode == 1, done.stdout
    return done.stderr


def test_lines(tapped: Cluster) -> None:
    init, head, end = tap(tapped)
    client, server = (tapped.pod(SPACE, app)["status"]["podIP"] for app in ("client", "server"))
    assert init.startswith(f"req id=1:0 proxy=in src={client}:")
    assert f" dst={server}:8080 tls=true :method=GET :path=/tapped :authority={SERVER}:8080 " in init
    assert init.endswith(" src_deployment=client dst_deployment=server\n")
    assert head.startswith("rsp id=1:0 proxy=in ")
    assert " :status=200 latency=" in head
    assert end.startswith("end id=1:0 proxy=in ")


def test_a_rollout_is_followed(tapped: Cluster) -> None:
    """The pods of the new ReplicaSet are tapped too, by whatever labels they are chosen."""
    with tapping(tapped, "-l", "app in (server, other),!gone") as output:
        assert output.readline().startswith("req id=1:0 ")
        tapped.run("kubectl", "-n", SPACE, "rollout", "restart", "deploy/server")
        line = output.readline()
        while line and " id=2:" not in line:
            line = output.readline()
        assert line.startswith("req id=2:0 proxy=in ")
    tapped.run("kubectl", "-n", SPACE, "rollout", "status", "deploy/server", seconds=120)


def test_a_profile_of_what_is_tapped(tapped: Cluster) -> None:
    with Traffic(tapped):
        typed = ("viz", "profile", "server", "--tap", "deploy/server", "-n", SPACE, "--tap-duration", "30s")
        done = tapped.run("linkerd", *typed, "--tap-route-limit", "1", "-o", "json")
    (route,) = json.loads(done.stdout)["spec"]["routes"]
    assert route["condition"]["pathRegex"] == f"/{route['name'].split('/', 1)[1]}"
    applied = tapped.run("kubectl", "apply", "--dry-run=server", "-f", "-", stdin=done.stdout)
    assert f"serviceprofile.linkerd.io/server.{SPACE}.svc.cluster.local created" in applied.stdout


def test_check_verifies_what_tap_shows_the_api_server(tapped: Cluster) -> None:
    lines = tapped.run("linkerd", "viz", "check").stdout.splitlines()
    assert "√ tap API server has valid cert" in lines
    assert "√ tap API server cert is valid for at least 60 days" in lines


def test_policies_for_scrapes_are_taken(tapped: Cluster) -> None:
    made = tapped.run("linkerd", "viz", "allow-scrapes", "-n", SPACE).stdout
    applied = tapped.run("kubectl", "apply", "--dry-run=server", "-f", "-", stdin=made).stdout
    assert len(applied.splitlines()) == 6


def test_top(tapped: Cluster) -> None:
    def shown() -> list[str]:
        done = tapped.run("linkerd", "viz", "top", f"ns/{SPACE}", "--seconds", "4", "--hide-sources")
        header, *rows = done.stdout.splitlines()
        assert header.split() == ["Destination", "Method", "Path", "Count", "Best", "Worst", "Last", "Success", "Rate"]
        return [row for row in rows if "/tapped" in row]

    with Traffic(tapped):
        (row,) = (row.split() for row in until(shown, 60, "a row"))
    assert (row[0].startswith("server-"), row[1], row[-1]) == (True, "GET", "100.00%")
    assert int(row[3]) >= 1


def test_who_may_not_and_whose_headers_are_redacted(tapped: Cluster) -> None:
    jane = ("--as", "jane")
    typed = ("viz", "tap", "deploy/server", "-n", SPACE, *jane)
    assert 'User "jane" cannot watch' in refused(tapped, *typed)
    tapped.apply(_binding("linkerd-linkerd-viz-tap-admin"))
    assert _values(tapped, *jane) == {"<redacted>"}
    assert 'User "jane" cannot watch' in refused(tapped, "viz", "tap", "deploy/client", "-n", MESHED, *jane)
    tapped.apply(_binding("linkerd-linkerd-viz-tap-headers"))
    values = _values(tapped, *jane)
    assert values
    assert "<redacted>" not in values


def _binding(role: str) -> JsonObject:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": SPACE},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    }


def _values(mesh: Cluster, *arguments: str) -> set[str]:
    lines = tap(mesh, "-o", "json", *arguments, lines=60)
    found, _ = json.JSONDecoder().raw_decode("".join(lines))
    return {header["valueStr"] for header in found["requestInitEvent"]["headers"]}


def test_pods_that_are_not_tapped(tapped: Cluster) -> None:
    text = refused(tapped, "viz", "tap", "deploy/shy", "-n", SPACE)
    assert "have tap disabled by the annotation viz.linkerd.io/disable-tap" in text
    text = refused(tapped, "viz", "tap", "deploy/client", "-n", MESHED)
    assert "started before viz could make their proxies tappable: kubectl rollout restart them" in text
    assert "deployment/no not found" in refused(tapped, "viz", "tap", "deploy/no", "-n", SPACE)


def test_kubectl_is_content_with_the_api(tapped: Cluster) -> None:
    groups = tapped.run("kubectl", "get", "apiservice", "v1alpha1.tap.linkerd.io", "-o", "json").stdout
    (condition,) = json.loads(groups)["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Available", "True"), condition
    raw = tapped.run("kubectl", "get", "--raw", "/apis/tap.linkerd.io/v1alpha1").stdout
    assert json.loads(raw)["kind"] == "APIResourceList"


def test_the_dashboards_way(tapped: Cluster) -> None:
    """Through metrics-api's port, as its own ServiceAccount."""
    (pod,) = tapped.pods(VIZ, "component=metrics-api")

    async def first() -> bytes:
        body = {"kind": "deployment", "namespace": SPACE, "name": "server", "path": "/tapped", "headers": True}
        async with (
            portforward.session(tapped.client, VIZ, pod["metadata"]["name"], 9991) as http,
            http.post("/api/v1/tap", json=body) as response,
        ):
            assert response.status == 200, await response.text()
            assert "values of headers are redacted" in response.headers["Warning"]
            while not (line := (await response.content.readline()).strip()):
                pass
            return line

    with Traffic(tapped):
        event = json.loads(tapped.do(first()))
    assert event["requestInit"]["path"] == "/tapped"
    assert {header["value"] for header in event["requestInit"]["headers"]} == {"<redacted>"}


def test_a_new_tap_pod_is_trusted_at_once(tapped: Cluster) -> None:
    """Its CA joins the old one's in caBundle."""
    tapped.run("kubectl", "-n", VIZ, "rollout", "restart", "deploy/tap")
    tapped.await_available(VIZ, "tap")
    tapped.await_endpoints(VIZ, "tap")
    text = until(
        lambda: "deployment/no not found" in refused(tapped, "viz", "tap", "deploy/no", "-n", SPACE),
        60,
        "an answer of the new pod",
    )
    assert text

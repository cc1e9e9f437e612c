"""The control plane goes away: traffic between meshed pods does not notice. It returns: news arrive again."""

import json
from collections.abc import Iterator

import pytest
from tests.e2e.cluster import CONTROL_PLANE, Cluster, until
from tests.e2e.manifests import MESHED, PORTS, deployment, service

from linkerd_kube.objects import JsonObject
from linkerd_kube.resources import SERVICES

pytestmark = pytest.mark.root

LOAD: JsonObject = {"name": "chaos", "host": f"pair.{MESHED}", "port": PORTS["http1"]}
HEARD = ("linkerd-identity", "linkerd-destination")
"""Who answers sidecars."""


@pytest.fixture
def scaled_to_zero(mesh: Cluster) -> Iterator[None]:
    """Neither identity nor destination is there, until the test brings them back, which the end makes sure of."""
    for name in HEARD:
        mesh.scale(CONTROL_PLANE, name, 0)
    try:
        selector = "linkerd.io/control-plane-component in (identity,destination)"
        until(lambda: mesh.left(CONTROL_PLANE, selector) == 0, 60, "no pod of identity and destination")
        yield
    finally:
        for name in HEARD:
            mesh.scale(CONTROL_PLANE, name, 1)
        mesh.await_available(CONTROL_PLANE, *HEARD)


def test_traffic_goes_on_and_news_arrive_afterwards(mesh: Cluster, request: pytest.FixtureRequest) -> None:
    load: JsonObject = {"name": "outage"}
    # before the outage: what the sidecar knows of this service is what it has to live on
    mesh.ask(MESHED, "client", "load_start", **load, host=f"pair.{MESHED}", port=PORTS["http1"])
    try:
        until(lambda: len(mesh.ask(MESHED, "client", "load_read", **load)["answered"]) == 2, 60, "both pods answer")
        request.getfixturevalue("scaled_to_zero")
        begun = mesh.ask(MESHED, "client", "load_read", **load)["sent"]
        until(lambda: mesh.ask(MESHED, "client", "load_read", **load)["sent"] > begun + 300, 60, "300 requests more")
        mesh.scale(MESHED, "pair", 3)
        for name in HEARD:
            mesh.scale(CONTROL_PLANE, name, 1)
        mesh.await_available(CONTROL_PLANE, *HEARD)
        mesh.await_available(MESHED, "pair")
        until(lambda: len(mesh.ask(MESHED, "client", "load_read", **load)["answered"]) == 3, 60, "the new pod answers")
    finally:
        report = mesh.ask(MESHED, "client", "load_stop", **load)
        mesh.scale(MESHED, "pair", 2)
        mesh.await_available(MESHED, "pair")
    assert report["failed"] == 0, json.dumps(report, indent=1)
    assert report["sent"] > 50


def test_a_service_deleted_and_made_again(mesh: Cluster) -> None:
    """With a new ClusterIP: by name it answers again, and while it was away there was an error and no hang."""
    mesh.apply(service(MESHED, "again"), deployment(MESHED, "again"))
    mesh.await_available(MESHED, "again")
    target: JsonObject = {"host": f"again.{MESHED}", "port": PORTS["http1"]}
    until(lambda: mesh.ask(MESHED, "client", "http1", **target).get("status") == 200, 60, "an answer")
    first = mesh.get(SERVICES, MESHED, "again")
    assert first is not None
    mesh.delete(SERVICES, MESHED, "again")
    until(lambda: mesh.ask(MESHED, "client", "http1", **target).get("status") != 200, 60, "no name, no answer")
    mesh.apply(service(MESHED, "again"))
    second = mesh.get(SERVICES, MESHED, "again")
    assert second is not None
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    until(lambda: mesh.ask(MESHED, "client", "http1", **target).get("status") == 200, 60, "an answer again")
    said = mesh.ask(MESHED, "client", "http1", **target)
    assert "l5d-client-id" in said["body"], "and it is secured again"


def chaos(mesh: Cluster, *words: str) -> None:
    """A fault, as a user makes one."""
    mesh.run("linkerd", "sandbox", "chaos", *words)


def answered(mesh: Cluster) -> dict[str, int]:
    """Requests answered so far, by pod."""
    counts: dict[str, int] = mesh.ask(MESHED, "client", "load_read", name="chaos")["answered"]
    return counts


@pytest.fixture
def load(mesh: Cluster) -> Iterator[None]:
    """Requests to both pods of `pair`, all the time, for tests that then hurt something."""
    if mesh.directory is None:
        pytest.skip("only a sandbox can be hurt by `linkerd sandbox chaos`")
    mesh.ask(MESHED, "client", "load_start", **LOAD)
    try:
        until(lambda: len(answered(mesh)) == 2, 60, "both pods answer")
        yield
    finally:
        mesh.ask(MESHED, "client", "load_stop", name="chaos")


def more(mesh: Cluster, count: int) -> dict[str, int]:
    """Waits for so many answers; how many of them each pod gave."""
    before = answered(mesh)
    until(lambda: sum(answered(mesh).values()) >= sum(before.values()) + count, 60, f"{count} answers more")
    return {pod: number - before.get(pod, 0) for pod, number in answered(mesh).items()}


def unharmed(mesh: Cluster) -> None:
    report = mesh.ask(MESHED, "client", "load_read", name="chaos")
    assert report["failed"] == 0, json.dumps(report, indent=1)


def test_a_control_plane_that_is_cut_off_stops_nothing(mesh: Cluster, load: None) -> None:
    """Not stopped but unreachable: connections hang, as behind a broken switch, instead of being refused."""
    try:
        for name in HEARD:
            chaos(mesh, "partition", f"deploy/{name}", "-n", CONTROL_PLANE)
        more(mesh, 200)
    finally:
        for name in HEARD:
            chaos(mesh, "heal", f"deploy/{name}", "-n", CONTROL_PLANE)
    mesh.scale(MESHED, "pair", 3)
    try:
        until(lambda: len(answered(mesh)) == 3, 60, "news arrive again: the third pod answers")
    finally:
        mesh.scale(MESHED, "pair", 2)
        mesh.await_available(MESHED, "pair")
    unharmed(mesh)


def test_a_killed_proxy_harms_only_what_it_held(mesh: Cluster, load: None) -> None:
    """SIGKILL, no farewell: what was under way through it may fail; nothing after that does, and it comes back."""
    victim = str(mesh.pods(MESHED, "app=pair")[0]["metadata"]["name"])
    chaos(mesh, "kill", victim, "-c", "linkerd-proxy", "-n", MESHED)
    more(mesh, 200)
    until(lambda: more(mesh, 20).get(victim, 0) > 0, 60, "the pod answers again")
    report = mesh.ask(MESHED, "client", "load_read", name="chaos")
    assert report["failed"] <= 4, json.dumps(report, indent=1)  # at most one for each of the client's connections


def test_a_slow_and_lossy_network_to_one_pod(mesh: Cluster, load: None) -> None:
    """No request fails, the balancer sends most of them elsewhere, and it does so no longer than it must."""
    slow = str(mesh.pods(MESHED, "app=pair")[0]["metadata"]["name"])
    try:
        chaos(mesh, "delay", slow, "200", "-n", MESHED)
        chaos(mesh, "loss", slow, "5", "-n", MESHED)
        until(lambda: more(mesh, 200).get(slow, 0) < 60, 60, "the balancer learns of it")
    finally:
        chaos(mesh, "heal", slow, "-n", MESHED)
    until(lambda: more(mesh, 20).get(slow, 0) > 4, 60, "its share again, as what was measured fades")
    unharmed(mesh)

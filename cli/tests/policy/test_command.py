"""`linkerd policy test`: edges from proxies or a file, decided by destination; what is said, and the exit code."""

import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from cli.tests.cluster import Cluster
from cli.tests.policy.test_edges import ID, PAGE
from cli.tests.terminal import Terminal

from linkerd_cli.policy.command import replayed_text
from linkerd_contract.codec import decode, encode
from linkerd_contract.problem import CONTENT_TYPE, Problem
from linkerd_contract.replay import Change, Decision, Edge, EdgeList, Replay, Replayed, Undecided
from linkerd_contract.resource import ResourceRef
from linkerd_runtime.process import serve

MANIFEST = """
# who may call web
apiVersion: v1
kind: List
items:
- apiVersion: policy.linkerd.io/v1beta3
  kind: Server
  metadata: {name: web-http}
  spec: {podSelector: {}, port: 80}
---
apiVersion: v1
kind: Namespace
metadata: {name: x}
"""
EDGE = Edge(server="x/deployment/web", port=80, client=ID, tls=True, route=ResourceRef(name="default"))
ALLOWED = Decision(allowed=True, by=ResourceRef(name="all-unauthenticated"))
DENIED = Decision(
    allowed=False,
    by=ResourceRef("policy.linkerd.io", "Server", "x", "web-http"),
    reason="Server x/web-http has no authorization at all",
)
TEXT = """newly denied: 1
CLIENT   SERVER             PORT   ROUTE     BEFORE                AFTER
bot.x    x/deployment/web   80     default   all-unauthenticated   Server x/web-http has no authorization at all

newly allowed: none

decided as before: 2
"""


class Mesh:
    """Destination's API and a proxy's metrics."""

    def __init__(self) -> None:
        self.asked: list[Replay] = []
        self.answer: Replayed | Problem = Replayed(denied=[Change(EDGE, ALLOWED, DENIED)], same=2)

    async def replay(self, request: web.Request) -> web.Response:
        self.asked.append(decode(await request.read(), Replay))
        if isinstance(self.answer, Problem):
            return web.Response(body=encode(self.answer), status=self.answer.status, content_type=CONTENT_TYPE)
        return web.Response(body=encode(self.answer), content_type="application/json")


@pytest.fixture
async def mesh(kube: Cluster, terminal: Terminal) -> AsyncIterator[Mesh]:
    made = Mesh()

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE)

    app = web.Application()
    app.router.add_post("/v1/policy-test", made.replay)
    app.router.add_get("/metrics", metrics)
    runner = await serve(app, "127.0.0.1", 0)
    port = runner.addresses[0][1]
    kube.add_pod("linkerd", "destination-1", {"linkerd.io/control-plane-component": "destination"})
    for name in ("web-1", "web-2"):
        labels = {"linkerd.io/proxy-deployment": "web"}
        kube.add_pod("x", name, labels, spec={"containers": [{"name": "linkerd-proxy"}]})
    kube.add_pod("x", "plain", {})
    kube.forwards |= {("destination-1", 9991): port, ("web-1", 4191): port, ("web-2", 4191): port}
    (terminal.directory / "new.yaml").write_text(MANIFEST)
    yield made
    await runner.cleanup()


async def test_what_the_mesh_has_seen_is_replayed(terminal: Terminal, mesh: Mesh) -> None:
    said = await terminal.linkerd("policy", "test", "-n", "x", "-f", "new.yaml")
    assert (said.code, said.out, said.err) == (1, TEXT, "")
    [asked] = mesh.asked
    assert len(asked.edges) == 3, "two pods of one workload saw the same"
    assert EDGE in asked.edges
    server, namespace = (json.loads(bytes(raw)) for raw in asked.objects)
    assert server["metadata"] == {"name": "web-http", "namespace": "x"}
    assert namespace["metadata"] == {"name": "x"}


async def test_nothing_newly_denied_is_success(terminal: Terminal, mesh: Mesh) -> None:
    mesh.answer = Replayed(allowed=[Change(EDGE, DENIED, ALLOWED)], same=2, ignored=["Deployment x/web"])
    said = await terminal.linkerd("policy", "test", "-f", "-", stdin=MANIFEST)
    assert said.code == 0
    assert said.out.startswith("newly denied: none\n\nnewly allowed: 1\n")
    assert said.err == "Deployment x/web: decides nothing about clients; passed over\n"


async def test_saved_edges_are_replayed_without_the_proxies(terminal: Terminal, kube: Cluster, mesh: Mesh) -> None:
    said = await terminal.linkerd("policy", "test", "--save", "edges.json")
    assert (said.code, said.out, mesh.asked) == (0, "", [])
    kept = decode((terminal.directory / "edges.json").read_bytes(), EdgeList).edges
    assert EDGE in kept
    del kube.forwards["web-1", 4191], kube.forwards["web-2", 4191]
    said = await terminal.linkerd("policy", "test", "-f", "new.yaml", "--edges", "edges.json", "-o", "json")
    assert (said.code, said.err) == (1, "")
    assert mesh.asked[0].edges == kept
    assert decode(said.out, Replayed) == mesh.answer


async def test_a_file_that_admission_would_refuse(terminal: Terminal, mesh: Mesh) -> None:
    mesh.answer = Problem("Not decided", 400, "invalid", "Server x/web-http: spec.port: is required")
    said = await terminal.linkerd("policy", "test", "-f", "new.yaml")
    assert (said.code, said.out, said.err) == (1, "", "Error: Server x/web-http: spec.port: is required\n")


def test_what_cannot_be_decided_is_listed() -> None:
    text = replayed_text(Replayed(same=1, undecided=[Undecided(Edge("x/pod/gone", 9, http=False), "no pod of it")]))
    assert "not decided: 1\nCLIENT       SERVER       PORT   ROUTE   REASON\n" in text
    assert "not meshed   x/pod/gone   9      (TCP)   no pod of it\n" in text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ([], "-f FILE says what would be applied"),
        (["-f", "none.yaml"], "none.yaml: No such file or directory"),
        (["-f", "empty.yaml"], "empty.yaml: there are no objects to test"),
        (["-f", "scalar.yaml"], "scalar.yaml:1:1: not a Kubernetes object"),
        (["-f", "new.yaml", "--edges", "none.json"], "none.json: No such file or directory"),
        (["-f", "new.yaml", "--edges", "new.yaml"], "new.yaml: not a file of edges, as --save writes it: "),
        (["--save", "none/edges.json"], "none/edges.json: No such file or directory"),
    ],
)
async def test_bad_input_is_one_line(terminal: Terminal, mesh: Mesh, typed: list[str], told: str) -> None:
    (terminal.directory / "scalar.yaml").write_text("7\n")
    (terminal.directory / "empty.yaml").write_text("---\n# nothing\n")
    said = await terminal.linkerd("policy", "test", *typed)
    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"Error: {told}")
    assert said.err.count("\n") == 1

"""Routes of ServiceProfiles at the server's side, from YAML by way of destination to the metrics of the pod's proxy."""

import asyncio
from pathlib import Path

import msgspec
from services.destination.tests.world import World
from services.proxy.tests import apps
from services.proxy.tests.loop import on_uvloop
from services.proxy.tests.mesh import SERVICE, document, inbound_document, pair
from services.proxy.tests.running import START_SECONDS, sidecar

from linkerd_contract.codec import decode, encode
from linkerd_contract.inbound import AuthnKind, Authorization, InboundDocument, InboundProfile, PortPolicy
from linkerd_contract.matching import Condition, MatchKind, ResponseClass, ResponseCondition, StatusRange, StringMatch
from linkerd_contract.outbound import Route
from linkerd_runtime.settings import Addr
from linkerd_testkit.control_plane import FakeControlPlane
from linkerd_testkit.ports import eventually

NAME = "voting.emojivoto.svc.cluster.local"
CLUSTER = """
kind: Pod
metadata: {{name: voting-1, namespace: emojivoto, labels: {{app: voting, v: "1"}}}}
spec:
  containers:
  - name: voting
    ports: [{{name: web, containerPort: {port}}}]
---
kind: Service
metadata: {{name: voting, namespace: emojivoto}}
spec: {{selector: {{app: voting}}, ports: [{{port: 8080, targetPort: web}}]}}
---
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {{name: {name}, namespace: emojivoto}}
spec:
  routes:
  - name: vote
    condition: {{method: POST, pathRegex: "/vote/.*"}}
    responseClasses:
    - condition: {{status: {{min: 404, max: 404}}}}
      isFailure: true
"""


def policy(*classes: ResponseClass) -> PortPolicy:
    """Everybody is let in; one route of a profile, and the default one."""
    vote = Route(
        name="vote",
        matches=[Condition(path=StringMatch("/vote", MatchKind.prefix))],
        response_classes=list(classes),
        labels={"route": "vote"},
    )
    other = Route(name="[DEFAULT]", labels={"route": "[DEFAULT]"})
    profile = InboundProfile(f"{NAME}:80", [vote, other])
    return msgspec.structs.replace(inbound_document().default, profiles=[profile])


async def statuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with the status that a request's path ends in."""
    while True:
        line, _ = await apps.read_head(reader)
        status = line.split()[1].rpartition("/")[2]
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode())


async def ask(client: apps.Client, path: str, host: str = NAME, **fields: str) -> int:
    lines = [f"GET {path} HTTP/1.1", f"host: {host}", *[f"{n.replace('_', '-')}: {v}" for n, v in fields.items()]]
    return (await client.ask(("\r\n".join(lines) + "\r\n\r\n").encode())).status


@on_uvloop
async def test_requests_count_with_the_route_of_what_they_were_sent_to(tmp_path: Path) -> None:
    async with apps.server(statuses) as app, pair(tmp_path, app) as mesh, apps.client(mesh.addr) as client:
        missing = ResponseClass(ResponseCondition(status=StatusRange(404, 404)), is_failure=True)
        mesh.serve(InboundDocument(default=policy(missing)))
        for path in ("/vote/200", "/vote/404", "/other/404", "/vote/500"):
            await ask(client, path)
        # The port that is no other, a dot at the end, the name that the client's proxy says.
        for host in (f"{NAME}:80", f"{NAME}.", NAME.upper()):
            assert await ask(client, "/vote/200", host) == 200
        assert await ask(client, "/vote/200", "voting", l5d_dst_canonical=f"{NAME}:80") == 200
        # To another Service or port of this pod, or by a name that is not whole.
        for host in (f"{NAME}:81", "other.emojivoto.svc.cluster.local", "voting", "127.0.0.1"):
            assert await ask(client, "/vote/200", host) == 200
        server = mesh.server
        route = ('direction="inbound"', f'dst="{NAME}:80"')
        vote = (*route, 'rt_route="vote"')
        assert server.sample("route_request_total", *vote) == 7
        assert server.sample("route_response_total", *vote, 'status_code="200"', 'classification="success"') == 5
        assert server.sample("route_response_total", *vote, 'status_code="404"', 'classification="failure"') == 1
        assert server.sample("route_response_latency_ms_count", *vote) == 7
        assert server.sample("route_response_total", *route, 'rt_route="[DEFAULT]"', 'classification="success"') == 1
        assert server.sample("route_request_total") == 8
        # Linkerd's classification by the profile is everybody's.
        assert server.sample("response_total", 'status_code="404"', 'classification="failure"') == 1
        assert server.sample("request_total", 'direction="inbound"') == 12


@on_uvloop
async def test_what_policy_refuses_and_what_fails(tmp_path: Path) -> None:
    async def app(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await apps.read_head(reader)
        writer.close()

    nobody = Authorization(authn=AuthnKind.tls_authenticated, identities=["another"])
    async with apps.server(app) as addr, pair(tmp_path, addr) as mesh, apps.client(mesh.addr) as client:
        mesh.serve(InboundDocument(default=msgspec.structs.replace(policy(), authorizations=[nobody])))
        assert await ask(client, "/vote") == 403
        assert mesh.server.sample("route_request_total") == 0
        mesh.serve(InboundDocument(default=policy()))
        assert await ask(client, "/vote") == 502
        failed = ('rt_route="vote"', 'classification="failure"', 'status_code="502"', 'error="i/o"')
        assert mesh.server.sample("route_response_total", *failed) == 1
        # Policy without the profile: the connection that knew it forgets it.
        mesh.serve(inbound_document())
        assert await ask(client, "/vote") == 502
        assert mesh.server.sample("route_request_total") == 1


async def test_from_yaml_to_metrics(tmp_path: Path) -> None:
    async with (
        FakeControlPlane() as plane,
        apps.server(statuses) as app,
        sidecar(plane, tmp_path, "voting", app) as server,
        sidecar(plane, tmp_path, "web", app) as client,
    ):
        for side in (server, client):
            await eventually(side.ready, seconds=START_SECONDS)
        world = World(CLUSTER.format(port=app[1], name=NAME))
        known = decode(encode(world.inbound("emojivoto/voting-1")), InboundDocument)
        await plane.watch.set_inbound(known)
        outbound = msgspec.structs.replace(document([Addr(*server.inbound)]), authority=f"{NAME}:8080", profile=NAME)
        await plane.watch.set_outbound(SERVICE, outbound)

        async def seen() -> bool:
            # The host is a short one, as applications have it: the client's proxy says the whole name.
            async with apps.client(client.outbound) as one:
                answer = await one.ask(b"POST /vote/404 HTTP/1.1\r\nHost: voting:8080\r\n\r\n")
                assert answer.status == 404
            return await server.sample("route_request_total", 'rt_route="vote"') > 0

        await eventually(seen)
        vote = ('direction="inbound"', f'dst="{NAME}:8080"', 'rt_route="vote"')
        assert await server.sample("route_response_total", *vote, 'classification="failure"') > 0
        assert await client.sample("route_request_total", 'direction="outbound"', f'dst="{NAME}:8080"') > 0

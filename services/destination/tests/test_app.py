"""The whole service: a fake cluster on one side, proxies over real TLS on the other."""

import ssl
from typing import Any

import aiohttp
import pytest
from libs.kube.tests.fake_api import FakeApi
from services.destination.tests.harness import COLLECTIONS, SERVER_NAME, Destination, put

from linkerd_contract.watch import Hello, Known, WatchKind
from linkerd_destination.watch.custom import KINDS
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import eventually

SERVICE_NAME = "web-svc.emojivoto.svc.cluster.local"
CLUSTER = """
kind: Namespace
metadata: {name: emojivoto}
---
kind: Service
metadata: {name: web-svc, namespace: emojivoto}
spec:
  clusterIP: 10.43.0.9
  ports: [{name: http, port: 80, targetPort: 8080}]
---
kind: Pod
metadata:
  name: web-1
  namespace: emojivoto
  uid: u1
  labels: {linkerd.io/control-plane-ns: linkerd, linkerd.io/proxy-deployment: web}
spec:
  serviceAccountName: web
  containers: [{name: linkerd-proxy}, {name: web, ports: [{containerPort: 8080}]}]
status: {phase: Running, podIP: 10.42.0.7}
---
kind: EndpointSlice
metadata: {name: web-svc-a, namespace: emojivoto, labels: {kubernetes.io/service-name: web-svc}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints:
- addresses: [10.42.0.7]
  conditions: {ready: true}
  targetRef: {kind: Pod, name: web-1, namespace: emojivoto, uid: u1}
"""


def slice_of(*addresses: str) -> str:
    lines = "".join(f"- addresses: [{a}]\n" for a in addresses)
    return f"""
kind: EndpointSlice
metadata: {{name: web-svc-b, namespace: emojivoto, labels: {{kubernetes.io/service-name: web-svc}}}}
addressType: IPv4
ports: [{{name: http, port: 8080}}]
endpoints:
{lines or "  []"}
"""


async def test_starts_alone_and_says_what_it_lacks(destination: Destination, api: FakeApi) -> None:
    await eventually(lambda: api.watching(COLLECTIONS["Pod"]))
    await eventually(lambda: destination.application._unsynced == set())
    assert await destination.reasons() == ("not ready: trust bundle not published yet; certificate not issued yet\n")
    await destination.ready()
    status, text = await destination.get(destination.settings.admin.port, "/metrics")
    assert status == 200
    assert 'destination_objects{kind="pods"} 0.0' in text


async def test_answers_follow_the_cluster(destination: Destination, api: FakeApi) -> None:
    put(api, CLUSTER)
    await destination.ready()
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/vote-bot-1")
        await proxy.watch(7, "10.43.0.9:80")
        first = await proxy.receive()
        document = first["set"]
        assert (first["id"], document["authority"]) == (7, "web-svc.emojivoto.svc.cluster.local:80")
        [backend] = document["backends"].values()
        [endpoint] = backend["endpoints"]
        assert endpoint["addr"] == "10.42.0.7:8080"
        assert endpoint["identity"] == "web.emojivoto.serviceaccount.identity.linkerd.cluster.local"
        assert endpoint["labels"]["deployment"] == "web"

        put(api, slice_of("10.42.0.8"))
        change = await proxy.receive()
        assert change["base"] == first["version"]
        assert [e["addr"] for e in change["endpoints"]["add"]] == ["10.42.0.8:8080"]
        put(api, slice_of())
        again = await proxy.receive()
        assert again["endpoints"]["remove"] == ["10.42.0.8:8080"]
        assert again["version"] == first["version"]

        api.remove(COLLECTIONS["Service"], "emojivoto", "web-svc")
        gone = await proxy.receive()
        assert gone["set"]["authority"] == "10.43.0.9:80"
        await proxy.unwatch(7)
        await eventually(lambda: not destination.application.topics._topics)


async def test_errors_keep_the_watch(destination: Destination, api: FakeApi) -> None:
    await destination.ready()
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/vote-bot-1")
        await proxy.watch(1, "web-svc.emojivoto.svc.cluster.local:80")
        assert (await proxy.receive())["error"]["code"] == "notFound"
        await proxy.watch(2, "nonsense")
        assert (await proxy.receive())["error"] == {
            "code": "invalidTarget",
            "message": "'nonsense' has no port from 1 to 65535 after a colon",
            "retryable": False,
        }
        put(api, CLUSTER)
        answer = await proxy.receive()
        assert (answer["id"], answer["set"]["authority"]) == (1, "web-svc.emojivoto.svc.cluster.local:80")


async def test_resume_sends_nothing_twice(destination: Destination, api: FakeApi) -> None:
    put(api, CLUSTER)
    await destination.ready()
    target = "10.43.0.9:80"
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/vote-bot-1", "a")
        await proxy.watch(1, target)
        version = (await proxy.receive())["version"]
    known = [Known(kind=WatchKind.outbound, version=version, target=target)]
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/vote-bot-1", "a", known)
        await proxy.watch(1, target)
        assert await proxy.receive() == {"id": 1, "version": version}
        await proxy.unwatch(1)
        await proxy.watch(2, target)
        assert "set" in await proxy.receive()
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/vote-bot-1", "b", known)
        await proxy.watch(1, target)
        assert (await proxy.receive())["version"] != version


async def test_inbound_is_for_the_workload_itself(destination: Destination, api: FakeApi) -> None:
    await destination.ready()
    async with destination.proxy("web", "emojivoto") as proxy:
        await proxy.hello("emojivoto/web-1")
        await proxy.watch_inbound(1)
        assert (await proxy.receive())["error"]["code"] == "notFound"
        put(api, CLUSTER)
        document = (await proxy.receive())["set"]
        assert document["workload"] == "emojivoto/web-1"
        assert document["default"]["server"] == {"name": "all-unauthenticated"}
        assert document["ports"]["3306"]["protocol"] == "opaque"
        put(
            api,
            """
            kind: ConfigMap
            metadata: {name: linkerd-config, namespace: linkerd}
            data: {values: '{"proxy": {"defaultInboundPolicy": "all-authenticated"}}'}
            """,
        )
        document = (await proxy.receive())["set"]
        assert document["default"]["authorizations"][0]["authn"] == "tlsAuthenticated"
    async with destination.proxy("vote-bot", "emojivoto") as proxy:
        await proxy.hello("emojivoto/web-1")
        await proxy.watch_inbound(1)
        error = (await proxy.receive())["error"]
        assert error == {
            "code": "forbidden",
            "message": "emojivoto/web-1 runs as web.emojivoto, not as vote-bot.emojivoto",
            "retryable": False,
        }


@pytest.mark.parametrize("messages", [['{"type":"watch","id":1,"kind":"outbound","target":"a:1"}'], ["nonsense"]])
async def test_a_broken_contract_closes_the_connection(destination: Destination, messages: list[str]) -> None:
    await destination.ready()
    async with destination.proxy("web", "emojivoto") as proxy:
        for message in messages:
            await proxy.websocket.send_str(message)
        assert (await proxy.closed()).data == 1002


async def test_only_certificates_of_the_mesh_are_let_in(destination: Destination, authority: Authority) -> None:
    await destination.ready()
    stranger = Authority().workload("web", "emojivoto")
    for leaf in (None, stranger):
        async with destination.connect(leaf) as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError, ConnectionError)):
                await session.ws_connect(destination.url, server_hostname=SERVER_NAME)
    async with destination.connect(authority.leaf("example.com")) as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(destination.url, server_hostname=SERVER_NAME)
        assert refused.value.status == 403


async def test_a_long_list_travels_in_parts(destination: Destination, api: FakeApi) -> None:
    put(api, CLUSTER)
    put(api, slice_of(*(f"10.44.{n // 250}.{n % 250}" for n in range(2500))))
    await destination.ready()
    async with destination.proxy("web", "emojivoto") as proxy:
        await proxy.hello("emojivoto/web-1")
        await proxy.watch(1, "10.43.0.9:80")
        parts = [await proxy.receive()]
        while not parts[-1].get("end", True):
            parts.append(await proxy.receive())
        assert len(parts) == 3
        assert {p["version"] for p in parts} == {parts[0]["version"]}
        [backend] = parts[0]["set"]["backends"].values()
        added = [e["addr"] for p in parts[1:] for e in p["endpoints"]["add"]]
        assert len({e["addr"] for e in backend["endpoints"]} | set(added)) == 2501


async def test_bad_objects_are_reported_and_everything_else_goes_on(destination: Destination, api: FakeApi) -> None:
    put(api, CLUSTER.replace("linkerd.io/control-plane-ns: linkerd", "linkerd.io/control-plane-ns: 7"))
    put(
        api,
        """
        kind: Service
        metadata: {name: odd, namespace: emojivoto, annotations: {config.linkerd.io/opaque-ports: "9-1"}}
        spec: {clusterIP: 10.43.0.10, ports: [{port: 80}]}
        """,
    )
    await destination.ready()
    assert (await destination.debug("/v1/outbound?target=10.43.0.10:80"))["parent"]["name"] == "odd"

    def reported() -> set[tuple[str, str]]:
        events = api.objects.get("/api/v1/events", {}).values()
        return {(e["involvedObject"]["name"], e["reason"]) for e in events}

    await eventually(lambda: reported() == {("web-1", "Unreadable"), ("odd", "InvalidAnnotation")})
    put(api, CLUSTER)
    async with destination.proxy("web", "emojivoto") as proxy:
        await proxy.hello("emojivoto/web-1")
        await proxy.watch(1, "10.42.0.7:8080")
        forward = (await proxy.receive())["set"]["backends"]["forward"]
        assert forward["endpoints"][0]["labels"]["pod"] == "web-1"


async def test_a_service_becomes_local_to_its_nodes_and_back(destination: Destination, api: FakeApi) -> None:
    put(api, CLUSTER.replace("serviceAccountName: web", "serviceAccountName: web, nodeName: n1".replace(", ", "\n  ")))
    await destination.ready()
    local = CLUSTER.split("---")[1].replace("spec:", "spec:\n  internalTrafficPolicy: Local")
    async with destination.proxy("bot", "emojivoto") as near, destination.proxy("bot", "emojivoto") as far:
        await near.send(Hello(workload="emojivoto/a", node="n1"))
        await far.send(Hello(workload="emojivoto/b", node="n2"))
        for proxy in (near, far):
            await proxy.watch(1, "10.43.0.9:80")
            assert count(await proxy.receive()) == 1
        put(api, local)
        assert count(await far.receive()) == 0
        put(api, CLUSTER.split("---")[1])
        assert count(await far.receive()) == 1


PROFILE = """
apiVersion: linkerd.io/v1alpha2
kind: ServiceProfile
metadata: {name: web-svc.emojivoto.svc.cluster.local, namespace: other}
spec: {routes: [{name: mine, condition: {method: GET}}]}
"""


async def test_clients_of_all_namespaces_share_an_answer_until_one_of_them_has_its_own(
    destination: Destination, api: FakeApi
) -> None:
    put(api, CLUSTER)
    await destination.ready()
    topics = destination.application.topics._topics
    async with destination.proxy("bot", "emojivoto") as near, destination.proxy("bot", "other") as far:
        versions = set()
        for proxy in (near, far):
            await proxy.hello("emojivoto/a")
            await proxy.watch(1, "10.43.0.9:80")
            versions.add((await proxy.receive())["version"])
        assert len(versions) == len(topics) == 1
        put(api, PROFILE)
        consumer = await far.receive()
        assert [route["name"] for route in consumer["set"]["routes"]] == ["mine", "[DEFAULT]"]
        await eventually(lambda: len(topics) == 2)
        # What the others have is worth the same; its version is now that of their namespace alone.
        assert "error" not in await near.receive()
        api.remove(next(k.resource.path() for k in KINDS if k.resource.kind == "ServiceProfile"), "other", SERVICE_NAME)
        assert (await far.receive())["version"] in versions
        await eventually(lambda: len(topics) == 1)


def count(message: dict[str, Any]) -> int:
    """Endpoints after a message: of a whole document, or one for an addition and none for a removal."""
    if "set" in message:
        return sum(len(b.get("endpoints", [])) for b in message["set"]["backends"].values())
    return len(message["endpoints"].get("add", []))

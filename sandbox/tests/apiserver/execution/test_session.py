"""kubectl exec and cp, over WebSocket and over SPDY."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType
from sandbox.tests.apiserver.conftest import Cluster, Output
from sandbox.tests.apiserver.test_kubectl import running

from linkerd_sandbox.apiserver.execution import session

Make = Callable[..., dict[str, Any]]


@pytest.fixture(params=["true", "false"], ids=["websocket", "spdy"])
def web_sockets(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"KUBECTL_REMOTE_COMMAND_WEBSOCKETS": str(request.param)}


async def test_exec(cluster: Cluster, pod: Make, web_sockets: dict[str, str]) -> None:
    await running(cluster, pod())

    async def run(*words: str, stdin: str = "") -> Output:
        return await cluster.kubectl("exec", *words, stdin=stdin, env=web_sockets)

    done = await run("p", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.code, done.out) == (3, "out\n")
    assert done.err == "err\ncommand terminated with exit code 3\n"
    text = "x" * 200_000 + "\n"
    assert await run("-i", "p", "--", "cat", stdin=text) == Output(0, text, "")
    missing = await run("p", "--", "nothing-of-this-name")
    assert missing.code == 1
    assert 'exec: "nothing-of-this-name": executable file not found in $PATH' in missing.err
    assert "container other is not valid for pod p" in (await run("p", "-c", "other", "--", "true")).err


async def test_nothing_is_sent_to_a_client_that_does_not_read_yet(cluster: Cluster, pod: Make) -> None:
    """kubectl 1.30 to 1.32 throws away what comes before it has made its streams: an answered ping comes first."""
    await running(cluster, pod())
    url = f"{cluster.url}/api/v1/namespaces/default/pods/p/exec?command=nothing-of-this-name&stdout=true&stderr=true"
    headers = {"Authorization": f"Bearer {cluster.tokens['admin']}"}
    protocol = "v5.channel.k8s.io"
    async with (
        asyncio.timeout(30),
        cluster.session.ws_connect(url, headers=headers, protocols=[protocol], autoping=False) as socket,
    ):
        first = await socket.receive()
        assert first.type is WSMsgType.PING
        await socket.pong(first.data)
        await socket.ping(b"ours")
        answers = [await socket.receive(), await socket.receive()]
        (pong,) = [answer for answer in answers if answer.type is WSMsgType.PONG]
        assert pong.data == b"ours"
        (told,) = [answer for answer in answers if answer.type is WSMsgType.BINARY]
        assert told.data[0] == session.ERROR
        assert b"executable file not found in $PATH" in told.data


async def test_copy(cluster: Cluster, pod: Make, tmp_path: Path, web_sockets: dict[str, str]) -> None:
    await running(cluster, pod())
    source, there, back = tmp_path / "a", tmp_path / "there", tmp_path / "b"
    source.write_bytes(bytes(range(256)) * 1000)
    there.mkdir()
    up = await cluster.kubectl("cp", str(source), f"p:{there}/a", env=web_sockets)
    assert up.code == 0, up.err
    down = await cluster.kubectl("cp", f"p:{there}/a", str(back), env=web_sockets)
    assert down.code == 0, down.err
    assert back.read_bytes() == source.read_bytes()


async def test_exec_into_what_has_ended(cluster: Cluster, pod: Make) -> None:
    await running(cluster, pod(), phase="Succeeded")
    done = await cluster.kubectl("exec", "p", "--", "true")
    assert done.code == 1
    assert "cannot exec into a container in a completed pod; current phase is Succeeded" in done.err


def test_statuses() -> None:
    assert session.ended(0)["status"] == "Success"
    assert session.ended(137)["details"]["causes"] == [{"reason": "ExitCode", "message": "137"}]


async def test_attach(cluster: Cluster, pod: Make, web_sockets: dict[str, str]) -> None:
    await running(cluster, pod())
    done = await cluster.kubectl("attach", "-i", "p", stdin="typed\n", env=web_sockets)
    assert done.out.endswith("got typed\n")
    assert done.code == 4


async def test_debug_adds_an_ephemeral_container_and_nothing_else(cluster: Cluster, pod: Make) -> None:
    await running(cluster, pod())
    path = "/api/v1/namespaces/default/pods/p/ephemeralcontainers"
    strategic = "application/strategic-merge-patch+json"
    one = {"name": "debugger", "image": "busybox", "targetContainerName": "c"}
    patch = {"spec": {"ephemeralContainers": [one]}, "metadata": {"labels": {"not": "taken"}}}
    code, body = await cluster.api("PATCH", path, patch, media=strategic)
    assert code == 200, body
    (added,) = body["spec"]["ephemeralContainers"]
    assert (added["name"], added["terminationMessagePath"]) == ("debugger", "/dev/termination-log")
    assert "labels" not in body["metadata"]
    for wrong, where in (
        ({"name": "debugger", "image": "other"}, "spec.ephemeralContainers"),
        ({"name": "c", "image": "busybox"}, "spec.ephemeralContainers[0].name"),
        ({"name": "x"}, "spec.ephemeralContainers[0].image"),
        ({"name": "x", "image": "i", "targetContainerName": "y"}, "spec.ephemeralContainers[0].targetContainerName"),
        ({"name": "x", "image": "i", "ports": [{"containerPort": 1}]}, "spec.ephemeralContainers[0].ports"),
    ):
        code, body = await cluster.api("PATCH", path, {"spec": {"ephemeralContainers": [wrong]}}, media=strategic)
        assert code == 422, body
        assert [cause["field"] for cause in body["details"]["causes"]] == [where]
    code, body = await cluster.api("GET", path)
    assert (code, len(body["spec"]["ephemeralContainers"])) == (200, 1)

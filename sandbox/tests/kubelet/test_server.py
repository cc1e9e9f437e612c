"""The kubelet's HTTPS port: who may connect, and what its paths mean."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import aiohttp
import pytest
import yarl

from linkerd_kube.objects import JsonObject
from linkerd_sandbox.apiserver.certificates import Authority
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.kubelet.server import KubeletServer, parse
from linkerd_testkit.ports import free_port

POD: JsonObject = {
    "metadata": {"name": "p", "namespace": "n", "uid": "u"},
    "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("path", "query", "what", "wanted"),
    [
        ("/containerLogs/n/p/c", [("follow", "true")], "log", [("follow", "true"), ("container", "c")]),
        (
            "/exec/n/p/c",
            [("command", "sh"), ("command", "-c"), ("input", "1"), ("output", "1"), ("error", "1"), ("tty", "1")],
            "exec",
            [
                ("command", "sh"),
                ("command", "-c"),
                ("stdin", "1"),
                ("stdout", "1"),
                ("stderr", "1"),
                ("tty", "1"),
                ("container", "c"),
            ],
        ),
        ("/attach/n/p/uid/c", [], "attach", [("container", "c")]),
        ("/portForward/n/p", [("port", "80")], "portforward", [("ports", "80")]),
        ("/portForward/n/p/uid", [], "portforward", []),
    ],
)
def test_paths(path: str, query: list[tuple[str, str]], what: str, wanted: list[tuple[str, str]]) -> None:
    assert parse(path, query) == (what, "n", "p", wanted)


@pytest.mark.parametrize("path", ["/", "/pods", "/run/n/p/c", "/exec/n", "/containerLogs/n/p/c/d"])
def test_paths_that_are_not_served(path: str) -> None:
    assert parse(path, []) is None


class Node:
    """Logs of one line."""

    async def logs(self, namespace: str, pod: str, container: str, **options: object) -> AsyncIterator[bytes]:
        yield f"{namespace}/{pod}/{container} {options['tail_lines']}\n".encode()


async def test_logs_for_who_has_a_certificate(tmp_path: Path) -> None:
    authority = Authority("ca")
    authority.issue("kubelet", ["127.0.0.1"], tmp_path / "s.crt", tmp_path / "s.key")
    authority.issue("kube-apiserver", [], tmp_path / "c.crt", tmp_path / "c.key")
    stranger = Authority("other")
    stranger.issue("kube-apiserver", [], tmp_path / "x.crt", tmp_path / "x.key")
    port = free_port()
    server = KubeletServer(lambda ns, name: POD if (ns, name) == ("n", "p") else None, cast(NodeBackend, Node()))
    await server.start(("127.0.0.1", port), (tmp_path / "s.crt", tmp_path / "s.key"), authority.pem)
    base = yarl.URL(f"https://127.0.0.1:{port}")

    async def get(path: str, client: str) -> tuple[int, str]:
        context = ssl.create_default_context(cadata=authority.pem)
        if client:
            context.load_cert_chain(tmp_path / f"{client}.crt", tmp_path / f"{client}.key")
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(base.join(yarl.URL(path))) as response,
        ):
            return response.status, await response.text()

    try:
        assert await get("/containerLogs/n/p/c?tailLines=7", "c") == (200, "n/p/c 7\n")
        assert (await get("/containerLogs/n/gone/c", "c")) == (404, 'pods "gone" not found')
        assert (await get("/containerLogs/n/p/d", "c"))[0] == 400
        assert (await get("/stats", "c"))[0] == 404
        assert (await get("/exec/n/p/c?command=ls", "c")) == (400, "Upgrade request required")
        for nobody in ("", "x"):
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await get("/containerLogs/n/p/c", nobody)
    finally:
        await server.stop()

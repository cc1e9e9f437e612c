"""A real API server on a loopback port, in this process, and kubectl as a process of its own."""

import asyncio
import io
import json
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import yaml

from linkerd_sandbox.apiserver.node import Execution
from linkerd_sandbox.apiserver.server import ApiServer
from linkerd_sandbox.kubelet import execution
from linkerd_sandbox.kubelet.spawner import Process, StartError

KUBECTL = shutil.which("kubectl")
_KUBECTL_SECONDS = 30


class Output(NamedTuple):
    """What a kubectl command left."""

    code: int
    out: str
    err: str


class FakeNode:
    """A node whose pods are functions of this test: logs are given, ports lead to local listeners."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.since: float | None = None
        self.asked: list[dict[str, object]] = []
        self.ports: dict[int, tuple[str, int]] = {}
        self.more = asyncio.Event()

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        follow: bool,
        tail_lines: int | None,
        previous: bool,
        timestamps: bool,
        since: float | None,
    ) -> AsyncIterator[bytes]:
        self.asked.append({"container": container, "follow": follow, "tail": tail_lines, "previous": previous})
        self.since = since
        for line in self.lines[-tail_lines:] if tail_lines else self.lines:
            yield line
        if follow:
            await self.more.wait()
            yield b"more\n"

    async def execute(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> Execution:
        """The command runs on this machine, beside the tests."""

        async def local(argv: list[str], stdout: int, stderr: int, stdin: int | None = None) -> Process:
            try:
                given = asyncio.subprocess.DEVNULL if stdin is None else stdin
                process = await asyncio.create_subprocess_exec(*argv, stdin=given, stdout=stdout, stderr=stderr)
            except FileNotFoundError:
                raise StartError(f'exec: "{argv[0]}": executable file not found in $PATH') from None
            return Process(process.pid, asyncio.ensure_future(process.wait()))

        return await execution.start(local, command, stdin=stdin, tty=tty)

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> Execution:
        """What is attached to is a shell that this starts."""
        command = ["sh", "-c", "read line; echo got $line; exit 4"]
        return await self.execute(namespace, pod, container, command, stdin=stdin, tty=False)

    async def dial(self, namespace: str, pod: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if port not in self.ports:
            raise ConnectionRefusedError(f"nothing listens on {port}")
        return await asyncio.open_connection(*self.ports[port])


@dataclass
class Cluster:
    """The server and ways to talk to it."""

    server: ApiServer
    node: FakeNode
    url: str
    directory: Path
    session: aiohttp.ClientSession
    tokens: dict[str, str] = field(default_factory=dict)

    async def api(
        self, method: str, path: str, body: object = None, *, token: str | None = None, media: str = "application/json"
    ) -> tuple[int, Any]:
        """A request as the administrator, or with `token`: status and JSON."""
        bearer = self.tokens["admin"] if token is None else token
        headers = {"Content-Type": media}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        data = None if body is None else io.BytesIO(json.dumps(body).encode())
        async with self.session.request(method, self.url + path, data=data, headers=headers) as response:
            return response.status, await response.json(content_type=None)

    async def kubectl(
        self, *arguments: str, stdin: str | list[object] | None = None, env: dict[str, str] | None = None
    ) -> Output:
        """Run kubectl with the administrator's kubeconfig."""
        if KUBECTL is None:
            pytest.skip("kubectl is not installed")
        if isinstance(stdin, list):
            stdin = yaml.safe_dump_all(stdin)
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            f"--kubeconfig={self.directory / 'admin.conf'}",
            f"--cache-dir={self.directory / 'cache'}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.directory)} | (env or {}),
        )
        async with asyncio.timeout(_KUBECTL_SECONDS):
            out, err = await process.communicate((stdin or "").encode())
        assert process.returncode is not None
        return Output(process.returncode, out.decode(), err.decode())

    async def apply(self, *objects: object) -> str:
        """`kubectl apply`, which has to work."""
        done = await self.kubectl("apply", "-f", "-", stdin=list(objects))
        assert done.code == 0, done.err
        return done.out

    async def account(self, namespace: str = "default", name: str = "default") -> None:
        """A ServiceAccount, which no controller makes here."""
        body = {"metadata": {"name": name}}
        code, _ = await self.api("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
        assert code == 201


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without controllers and node."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    node = FakeNode()
    server = ApiServer(sockets=[listener], directory=tmp_path / "pki", node=node, advertise=address)
    await server.start()
    url = f"https://{address}"
    kubeconfig = server.admin_kubeconfig(url)
    (tmp_path / "admin.conf").write_text(kubeconfig)
    context = ssl.create_default_context(cadata=server.ca_pem)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        token = json.loads(kubeconfig)["users"][0]["user"]["token"]
        yield Cluster(server, node, url, tmp_path, session, {"admin": token})
    await server.stop()


@pytest.fixture
def pod() -> Callable[..., dict[str, Any]]:
    """Makes small pods."""

    def make(name: str = "p", **spec: Any) -> dict[str, Any]:
        containers = [{"name": "c", "image": "curl:1"}]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": containers, **spec},
        }

    return make

"""A real kube-apiserver with its etcd, run by the supervisor in the place of the embedded API server.

Both processes are started in the sandbox's namespaces and end with them. The host's listener was bound before and
cannot be handed to kube-apiserver, so what arrives there is relayed.
"""

import asyncio
import contextlib
import secrets
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

import aiohttp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from linkerd_sandbox.apiserver.certificates import Authority
from linkerd_sandbox.kubeapi import flags
from linkerd_sandbox.kubeapi.flags import Files
from linkerd_sandbox.kubeconfig import kubeconfig
from linkerd_sandbox.net.ingress import relay

_START_SECONDS: Final = 50.0
_POLL_SECONDS: Final = 0.1
_TAIL: Final = 12
_ADMIN: Final = "kubernetes-admin"


class Programs(NamedTuple):
    """Paths of what the user brought."""

    kube_apiserver: str
    etcd: str


class StartFailed(Exception):
    """A program did not come up; the message is for people."""


class KubeApiServer:
    """Starts, is asked for credentials, ends with the namespaces."""

    def __init__(
        self,
        programs: Programs,
        directory: Path,
        address: tuple[str, int],
        service_cidr: str,
        components: Iterable[str],
    ) -> None:
        """`address` is where pods reach it; `directory` receives keys, logs and etcd's data, and is its owner's only.

        `components` are the users that get a token: kube-apiserver reads its file of tokens once.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        self._programs = programs
        self._files = Files(directory)
        self._address = address
        self._service_cidr = service_cidr
        self._authority = Authority("linkerd-sandbox-ca")
        self._tokens = {name: secrets.token_urlsafe(32) for name in (_ADMIN, *components)}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self.minor = 0
        """Its release, 20 for 1.20; known once it was started."""

    @property
    def ca_pem(self) -> str:
        """The CA that clients verify the server with (PEM)."""
        return self._authority.pem

    def sign(self, request: bytes, seconds: int | None) -> str:
        """A client's certificate of that CA. Raises ValueError."""
        return self._authority.sign(request, seconds)

    def component_token(self, name: str) -> str:
        """The bearer token of a component, in group system:masters. Raises KeyError for one that was not announced."""
        return self._tokens[name]

    def kubelet_certificate(self, node_ip: str) -> tuple[Path, Path]:
        """Certificate and key for the kubelet's own port; kube-apiserver's client certificate is of the same CA."""
        pair = self._files.pair("kubelet")
        self._authority.issue("kubelet", [node_ip], *pair)
        return pair

    async def start(self, outer: socket.socket) -> None:
        """Start both, and relay the host's listener to it once it is ready. Raises StartFailed."""
        self.minor = await self._release()
        self._write_files()
        etcd_port, peer_port = _free_ports()
        await self._run("etcd", flags.etcd(self._programs.etcd, self._files, etcd_port, peer_port))
        argv = flags.kube_apiserver(
            self._programs.kube_apiserver, self._files, self.minor, self._address, self._service_cidr, etcd_port
        )
        await self._run("kube-apiserver", argv)
        await self._await_ready()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await relay(reader, writer, self._address)

        await asyncio.start_server(serve, sock=outer)

    async def stop(self) -> None:
        """End both, for who runs them without namespaces that end with them."""
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        for process in self._processes.values():
            await process.wait()

    async def ended(self) -> str:
        """Waits until one of the two ends; says which, with its last lines."""
        waits = {asyncio.create_task(one.wait()): name for name, one in self._processes.items()}
        done, rest = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        return self._why(waits[next(iter(done))])

    def admin_kubeconfig(self, server_url: str) -> str:
        """A kubeconfig (JSON, which is YAML) of the cluster's administrator at `server_url`."""
        return kubeconfig(server_url, self.ca_pem, self._tokens[_ADMIN])

    async def _release(self) -> int:
        path = self._programs.kube_apiserver
        try:
            process = await asyncio.create_subprocess_exec(
                path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
        except OSError as error:
            raise StartFailed(f"{path}: {error.strerror}") from None
        out, _ = await process.communicate()
        minor = flags.minor_of(out.decode("utf-8", "replace"))
        if minor is None:
            raise StartFailed(f"{path} --version does not name a release of Kubernetes: {out[:200]!r}")
        return minor

    def _write_files(self) -> None:
        files = self._files
        files.ca.write_text(self.ca_pem)
        front = Authority("front-proxy-ca")
        files.front_ca.write_text(front.pem)
        front.issue(flags.FRONT_PROXY, [], *files.pair(flags.FRONT_PROXY))
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        first = self._service_cidr.partition("/")[0].rpartition(".")[0] + ".1"
        hosts = ["localhost", "127.0.0.1", "::1", first, self._address[0], *names]
        self._authority.issue("kube-apiserver", dict.fromkeys(hosts), *files.pair("apiserver"))
        self._authority.issue("kube-apiserver-kubelet-client", [], *files.pair("kubelet-client"))
        _write_key_pair(files.signing_key, files.verifying_key)
        files.tokens.touch(mode=0o600)
        files.tokens.write_text(flags.tokens(self._tokens))

    async def _run(self, name: str, argv: list[str]) -> None:
        with self._log(name).open("w") as log:
            try:
                self._processes[name] = await asyncio.create_subprocess_exec(
                    *argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
                )
            except OSError as error:
                raise StartFailed(f"{argv[0]}: {error.strerror}") from None

    def _log(self, name: str) -> Path:
        return self._files.directory / f"{name}.log"

    def _why(self, name: str) -> str:
        lines = self._log(name).read_text(errors="replace").splitlines()[-_TAIL:]
        return f"{name} ended (exit {self._processes[name].returncode}):\n" + "\n".join(lines)

    async def _await_ready(self) -> None:
        url = f"https://{self._address[0]}:{self._address[1]}/readyz"
        headers = {"Authorization": f"Bearer {self._tokens[_ADMIN]}"}
        context = ssl.create_default_context(cadata=self.ca_pem)
        end = asyncio.get_running_loop().time() + _START_SECONDS
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            while True:
                for name, process in self._processes.items():
                    if process.returncode is not None:
                        raise StartFailed(self._why(name))
                try:
                    async with session.get(url, headers=headers) as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass  # it does not listen yet
                if asyncio.get_running_loop().time() > end:
                    where = self._files.directory
                    raise StartFailed(
                        f"kube-apiserver is not ready after {_START_SECONDS:g} s: see the logs in {where}"
                    )
                await asyncio.sleep(_POLL_SECONDS)


def _write_key_pair(private: Path, public: Path) -> None:
    """The key that signs ServiceAccount tokens, and the one that verifies them (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _free_ports() -> tuple[int, int]:
    """Two ports of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return int(one.getsockname()[1]), int(other.getsockname()[1])

"""The API server as a whole: made of its rooms, started on given sockets, stopped without a trace."""

import asyncio
import socket
from pathlib import Path

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from linkerd_runtime.bad_requests import guard
from linkerd_sandbox.apiserver import aggregation
from linkerd_sandbox.apiserver.admission.chain import AdmissionChain
from linkerd_sandbox.apiserver.aggregation import Aggregation
from linkerd_sandbox.apiserver.authentication import Authenticator
from linkerd_sandbox.apiserver.authorization import Authorizer
from linkerd_sandbox.apiserver.bootstrap import bootstrap
from linkerd_sandbox.apiserver.certificates import Authority, server_context
from linkerd_sandbox.apiserver.decoding import Decoder
from linkerd_sandbox.apiserver.definitions import follow_definitions
from linkerd_sandbox.apiserver.endpoints import Endpoints
from linkerd_sandbox.apiserver.expiry import keep_forgetting
from linkerd_sandbox.apiserver.forwarding import Forwarder
from linkerd_sandbox.apiserver.http import LARGEST_BODY, Access, HttpApi
from linkerd_sandbox.apiserver.kinds import Registry
from linkerd_sandbox.apiserver.node import NodeBackend
from linkerd_sandbox.apiserver.proxying import Proxying
from linkerd_sandbox.apiserver.resources import Resources
from linkerd_sandbox.apiserver.reviews import Reviews
from linkerd_sandbox.apiserver.rules import Rules
from linkerd_sandbox.apiserver.store import Store
from linkerd_sandbox.apiserver.subresources import Subresources
from linkerd_sandbox.apiserver.tokens import Signer
from linkerd_sandbox.faults.gate import Gate
from linkerd_sandbox.kubeconfig import kubeconfig

_SHUTDOWN_SECONDS = 1.0
_PORT = 6443


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    """A request whose body may be as large as Kubernetes allows."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY + 1)


class ApiServer:
    """A Kubernetes API server in this process.

    `directory` receives ca.crt, apiserver.crt, apiserver.key and sa.key, readable by the owner only. `advertise` is the
    address (`IP` or `IP:PORT`) at which pods reach the server; the Service `kubernetes` leads there.
    """

    def __init__(
        self,
        *,
        sockets: list[socket.socket],
        directory: Path,
        node: NodeBackend,
        service_cidr: str = "10.43.0.0/16",
        advertise: str,
    ) -> None:
        self.gate = Gate()
        """What `linkerd sandbox chaos` puts before every request."""
        self.gate.cut = self._cut
        host, _, port = advertise.partition(":")
        self._advertise = (host, int(port or _PORT))
        self._sockets = list(sockets)
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
        self._stopping = asyncio.Event()
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None
        self._background: list[asyncio.Task[None]] = []
        self.store = Store()
        registry = self._registry = Registry()
        self._rules = Rules(self.store, service_cidr)
        signer = Signer.create(directory / "sa.key")
        self._authenticator = Authenticator(self.store, signer)
        authorizer = Authorizer(self.store)
        decoder = Decoder(self._rules)
        self._admission = AdmissionChain(self.store, registry, decoder)
        self._resources = Resources(self.store, registry, self._rules, decoder, self._admission)
        follow_definitions(self._resources)
        endpoints = Endpoints(self._resources, self._stopping)
        endpoints.virtual |= Reviews(self._authenticator, authorizer, self.store).handlers()
        endpoints.subresources |= Subresources(endpoints, self._authenticator, node, self._stopping).handlers()
        self._forwarder = Forwarder()
        endpoints.subresources |= Proxying(self._resources, self._forwarder).handlers()
        front = directory / "front-proxy-client"
        self._aggregation = Aggregation(
            self._resources, self._forwarder, front.with_suffix(".crt"), front.with_suffix(".key")
        )
        self._http = HttpApi(
            Access(self._authenticator, authorizer), endpoints, self._aggregation, f"{host}:{self._advertise[1]}"
        )
        self._front_proxy = Authority("front-proxy-ca")
        self._authority = Authority("linkerd-sandbox-ca")
        self._admin_token = self._authenticator.issue_static("kubernetes-admin")

    @property
    def ca_pem(self) -> str:
        """The CA that clients verify the server with (PEM)."""
        return self._authority.pem

    def sign(self, request: bytes, seconds: int | None) -> str:
        """A client's certificate of that CA. Raises ValueError."""
        return self._authority.sign(request, seconds)

    async def start(self) -> None:
        """Serve on the sockets; returns when requests are answered."""
        directory = self._directory
        (directory / "ca.crt").write_text(self.ca_pem)
        certificate, key = directory / "apiserver.crt", directory / "apiserver.key"
        api_address = self._rules.services.address(1)
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        hosts = ["localhost", "127.0.0.1", "::1", api_address, self._advertise[0], *names]
        self._authority.issue("kube-apiserver", dict.fromkeys(hosts), certificate, key)
        front = directory / "front-proxy-client"
        self._front_proxy.issue(aggregation.CLIENT, [], front.with_suffix(".crt"), front.with_suffix(".key"))
        bootstrap(self._resources, self.ca_pem, self._front_proxy.pem, api_address, self._advertise)
        server = self._server = web.Server(
            self._handle, request_factory=_request, access_log=None, handler_cancellation=True
        )
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        guard(server)
        context = server_context(certificate, key, self.ca_pem)
        for listener in self._sockets:
            site = web.SockSite(self._runner, listener, ssl_context=context)
            await site.start()
        self._background = [
            asyncio.create_task(keep_forgetting(self.store, self._registry)),
            asyncio.create_task(self._aggregation.watch()),
        ]
        self._http.ready.set()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        await self.gate.enter()
        return await self._http.handle(request)

    def _cut(self) -> None:
        """Every connection ends at once; what is stored stays."""
        for connection in self._server.connections if self._server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()

    async def stop(self) -> None:
        """End watches and connections, close the sockets."""
        self._stopping.set()
        for task in self._background:
            task.cancel()
        await self._forwarder.close()
        await self._admission.close()
        if self._runner is not None:
            await self._runner.cleanup()
        for listener in self._sockets:
            listener.close()

    def component_token(self, name: str) -> str:
        """A new bearer token of a component (`system:kube-controller-manager`), in group system:masters."""
        return self._authenticator.issue_static(name)

    def admin_kubeconfig(self, server_url: str) -> str:
        """A kubeconfig (JSON, which is YAML) of the cluster's administrator at `server_url`."""
        return kubeconfig(server_url, self.ca_pem, self._admin_token)


__all__ = ["ApiServer", "NodeBackend"]

"""A control plane for tests and benches: identity and destination over TLS, in this process or as one of its own.

    async with FakeControlPlane() as control_plane:
        await control_plane.watch.set_outbound("10.0.0.1:80", document)
        env = control_plane.environment("web", "emojivoto", directory)

As a program, `python -m linkerd_testkit.control_plane CONFIG.json`: see Config. It prints one line of JSON when it
listens (identityAddr, destinationAddr, anchors: a path), reads its file again at SIGHUP and pushes what changed.
"""

import asyncio
import os
import signal
import sys
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType

import msgspec
from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.identity import CERTIFY_PATH, CertifyCode, CertifyRequest, CertifyResponse
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.names import LINKERD_NAMESPACE, identity_name
from linkerd_contract.outbound import OutboundDocument
from linkerd_contract.problem import CONTENT_TYPE, Problem
from linkerd_contract.watch import WATCH_PATH
from linkerd_runtime import tls
from linkerd_testkit.certs import Authority
from linkerd_testkit.watch_server import WatchServer

IDENTITY_NAME = identity_name("linkerd-identity", LINKERD_NAMESPACE)
DESTINATION_NAME = identity_name("linkerd-destination", LINKERD_NAMESPACE)


class FakeControlPlane:
    """`watch` scripts discovery. `certified` lists who was certified; `refusal`, when set, is what everyone is told.

    A token is good when it is not empty; with `tokens`, when it is that of the identity asked for.
    """

    def __init__(
        self,
        authority: Authority | None = None,
        *,
        tokens: dict[str, str] | None = None,
        leaf_life: timedelta = timedelta(hours=1),
        ports: tuple[int, int] = (0, 0),
        host: str = "127.0.0.1",
    ) -> None:
        self.authority = authority or Authority()
        self.watch = WatchServer()
        self.certified: list[str] = []
        self.refusal: Problem | None = None
        self.leaf_life = leaf_life
        self.identity_addr = ""
        self.destination_addr = ""
        self._tokens = tokens
        self._ports = ports
        self._host = host
        self._runners: list[web.AppRunner] = []

    async def __aenter__(self) -> "FakeControlPlane":
        identity, destination = web.Application(), web.Application()
        identity.router.add_post(CERTIFY_PATH, self._certify)
        destination.router.add_get(WATCH_PATH, self.watch.handle)
        self.identity_addr = await self._serve(identity, IDENTITY_NAME, None, self._ports[0])
        self.destination_addr = await self._serve(destination, DESTINATION_NAME, self.authority.anchors, self._ports[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.watch.drop_connections()
        for runner in self._runners:
            await runner.cleanup()

    def environment(self, service_account: str, namespace: str, directory: Path) -> dict[str, str]:
        """LINKERD2_PROXY_* of a workload's proxy; writes a token below `directory`."""
        directory.mkdir(parents=True, exist_ok=True)
        token = directory / "token"
        name = identity_name(service_account, namespace)
        token.write_text((self._tokens or {}).get(name, "a-token"))
        context = codec.encode({"ns": namespace, "pod": f"{service_account}-0", "nodeName": "node-1"}).decode()
        variables = {
            "IDENTITY_DIR": str(directory),
            "IDENTITY_TRUST_ANCHORS": self.authority.anchors,
            "IDENTITY_TOKEN_FILE": str(token),
            "IDENTITY_LOCAL_NAME": name,
            "IDENTITY_SVC_ADDR": self.identity_addr,
            "IDENTITY_SVC_NAME": IDENTITY_NAME,
            "DESTINATION_SVC_ADDR": self.destination_addr,
            "DESTINATION_SVC_NAME": DESTINATION_NAME,
            "DESTINATION_CONTEXT": context,
        }
        return {f"LINKERD2_PROXY_{key}": value for key, value in variables.items()}

    async def _serve(self, app: web.Application, name: str, client_ca: str | None, port: int) -> str:
        leaf = self.authority.leaf(name, life=timedelta(days=1))
        with tempfile.TemporaryDirectory() as directory:
            chain, key = leaf.write(Path(directory))
            context = tls.server_context(str(chain), str(key), client_ca)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, self._host, port, ssl_context=context)
        await site.start()
        host, bound = runner.addresses[0][:2]
        return f"{host}:{bound}"

    async def _certify(self, request: web.Request) -> web.Response:
        if self.refusal is not None:
            return _problem(self.refusal)
        try:
            asked = codec.decode(await request.read(), CertifyRequest)
            chain, end = self.authority.sign(asked.csr, life=self.leaf_life)
        except ValueError as error:
            return _problem(Problem("Bad request", 400, CertifyCode.MALFORMED_REQUEST, str(error)))
        if not asked.token or (self._tokens is not None and self._tokens.get(asked.identity) != asked.token):
            return _problem(Problem("Invalid token", 403, CertifyCode.INVALID_TOKEN))
        self.certified.append(asked.identity)
        answer = CertifyResponse(chain, end.isoformat().replace("+00:00", "Z"), self.authority.anchors)
        return web.Response(body=codec.encode(answer), content_type="application/json")


def _problem(problem: Problem) -> web.Response:
    return web.Response(status=problem.status, body=codec.encode(problem), content_type=CONTENT_TYPE)


class Config(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """CONFIG.json. Ports of 0 are chosen; anchors.pem is written into `directory`; leaves live `leaf_seconds`."""

    directory: str
    host: str = "127.0.0.1"
    identity_port: int = 0
    destination_port: int = 0
    leaf_seconds: int = 3600
    outbound: dict[str, OutboundDocument] = {}
    inbound: InboundDocument = InboundDocument()


def read(path: Path) -> Config:
    """Raises OSError, msgspec.DecodeError (its child ValidationError for the wrong shape)."""
    return msgspec.json.decode(path.read_bytes(), type=Config)


async def serve(path: Path) -> None:
    """Serve what the file says until SIGTERM or SIGINT."""
    config = read(path)
    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    ports = (config.identity_port, config.destination_port)
    life = timedelta(seconds=config.leaf_seconds)
    async with FakeControlPlane(ports=ports, host=config.host, leaf_life=life) as control_plane:
        anchors = Path(config.directory) / "anchors.pem"
        anchors.parent.mkdir(parents=True, exist_ok=True)
        anchors.write_text(control_plane.authority.anchors)
        await _push(control_plane, config)
        ready = {
            "identityAddr": control_plane.identity_addr,
            "destinationAddr": control_plane.destination_addr,
            "anchors": str(anchors),
        }
        sys.stdout.write(codec.encode(ready).decode() + "\n")
        sys.stdout.flush()
        while not stop.is_set():
            waits = [asyncio.create_task(event.wait()) for event in (stop, again)]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            if again.is_set():
                again.clear()
                await _push(control_plane, read(path))


async def _push(control_plane: FakeControlPlane, config: Config) -> None:
    await control_plane.watch.set_inbound(config.inbound)
    for target, document in config.outbound.items():
        await control_plane.watch.set_outbound(target, document)


def main() -> int:
    """Exit 64 without a readable file."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m linkerd_testkit.control_plane CONFIG.json\n")
        return os.EX_USAGE
    try:
        asyncio.run(serve(Path(sys.argv[1])))
    except (OSError, msgspec.DecodeError) as error:
        sys.stderr.write(f"{sys.argv[1]}: {error}\n")
        return os.EX_USAGE
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())

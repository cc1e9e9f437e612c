"""The listener of tap: HTTP/1.1 over mTLS, for one client identity only (LINKERD2_PROXY_TAP_SVC_NAME).

The answer is a JSON event a line, until the limit is reached or the client leaves; a blank line every few seconds says
that the stream lives. Whoever is not the tap identity gets 403, with or without a certificate of the mesh.
"""

import asyncio
import ssl
from collections.abc import Sequence
from itertools import count

from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.problem import CONTENT_TYPE, Problem
from linkerd_contract.tap import TAP_PATH, TapEvent, TapRequest
from linkerd_proxy.http.watch import Hooks
from linkerd_proxy.tap.match import BadMatch
from linkerd_proxy.tap.session import TapSession
from linkerd_proxy.transport.listen import bind
from linkerd_proxy.transport.tls import client_identity
from linkerd_proxy.transport.turn import Turn
from linkerd_proxy.workers import Followers
from linkerd_runtime import tls
from linkerd_runtime.bad_requests import guard
from linkerd_runtime.certify import Credentials
from linkerd_runtime.settings import Addr

MAX_SESSIONS = 16
MAX_REQUEST_BYTES = 64 * 1024
ALIVE_SECONDS = 10.0
PAUSE_SECONDS = 0.05
"""Between two writes: each wakes loop and TLS, which costs more than the events in it."""
NDJSON = "application/x-ndjson"


class TapServer:
    """`update` before `start`, and with every new certificate."""

    def __init__(self, addr: Addr, client: str, hooks: Hooks, turn: Turn, others: Followers | None = None) -> None:
        """`client`: the identity that may tap. `others`: workers whose requests are seen too."""
        self._addr = addr
        self._client = client
        self._hooks = hooks
        self._turn = turn
        self._others = others
        self._bases = count(1)
        self._sessions: set[TapSession] = set()
        self._tls: tls.ReloadableServerContext | None = None
        self._runner: web.AppRunner | None = None
        self.addr = addr

    @property
    def sessions(self) -> int:
        """Taps that run."""
        return len(self._sessions)

    def update(self, credentials: Credentials) -> None:
        """Use another certificate from the next handshake on. Raises OSError and keeps the last one."""
        context = tls.server_context(credentials.chain_path, credentials.key_path, credentials.trust_bundle)
        # A client without a certificate is told why it may not, as any other one that may not.
        context.verify_mode = ssl.CERT_OPTIONAL
        if self._tls is None:
            self._tls = tls.ReloadableServerContext(context)
        else:
            self._tls.swap(context)

    async def start(self) -> None:
        """Listen. Raises OSError."""
        if self._tls is None:
            raise RuntimeError("tap cannot listen without a certificate")
        app = web.Application(client_max_size=MAX_REQUEST_BYTES)
        app.router.add_post(TAP_PATH, self._tap)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await self._runner.setup()
        guard(self._runner.server)
        site = web.SockSite(self._runner, bind(self._addr), ssl_context=self._tls.context)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.addr = Addr(host, port)

    async def close(self) -> None:
        """End all taps."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _tap(self, request: web.Request) -> web.StreamResponse:
        client = _identity(request)
        if client != self._client:
            who = client or "a client without a certificate of the mesh"
            return _problem(403, "forbidden", f"only {self._client} may tap this proxy, not {who}")
        if len(self._sessions) >= MAX_SESSIONS:
            return _problem(429, "too_many_taps", f"{MAX_SESSIONS} taps of this proxy run already")
        number = next(self._bases)
        try:
            wanted = codec.decode(await request.read(), TapRequest)
            session = TapSession(wanted, self._turn, number)
        except BadMatch as error:
            return _problem(400, "bad_match", str(error))
        except (ValueError, RecursionError) as error:
            return _problem(400, "bad_request", f"not a tap request: {error}")
        except web.HTTPRequestEntityTooLarge:
            return _problem(413, "too_large", f"a tap request has at most {MAX_REQUEST_BYTES} bytes")
        response = web.StreamResponse(headers={"content-type": NDJSON})
        self._sessions.add(session)
        self._hooks.add(session.hook)
        if self._others is not None:
            self._others.tap(number, wanted, session)
        try:
            await response.prepare(request)
            while not session.done:
                await response.write(_lines(await session.wait(ALIVE_SECONDS)))
                if not session.done:
                    await asyncio.sleep(PAUSE_SECONDS)
            await response.write_eof()
        except ConnectionError:
            pass  # the client left
        finally:
            if self._others is not None:
                self._others.end_tap(number)
            self._hooks.remove(session.hook)
            self._sessions.discard(session)
        return response


def _lines(events: Sequence[TapEvent]) -> bytes:
    return b"".join([codec.encode(event) + b"\n" for event in events]) or b"\n"


def _identity(request: web.Request) -> str | None:
    transport: asyncio.Transport | None = request.transport
    connection = None if transport is None else transport.get_extra_info("ssl_object")
    return None if connection is None else client_identity(connection)


def _problem(status: int, code: str, detail: str) -> web.Response:
    title = {400: "Bad Request", 403: "Forbidden", 413: "Content Too Large", 429: "Too Many Requests"}[status]
    return web.Response(
        status=status, body=codec.encode(Problem(title, status, code, detail)), content_type=CONTENT_TYPE
    )

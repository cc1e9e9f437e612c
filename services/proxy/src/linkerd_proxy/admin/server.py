"""The routes of the admin server, as linkerd2-proxy has them.

What changes the proxy (log level, shutdown), and what it knows of single requests (decisions, logs), is for loopback
only, 403 for everyone else. The server runs in the data path's event loop for now: a scrape of 1,000 series costs it
some milliseconds.
"""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from aiohttp import hdrs, web

from linkerd_contract import codec
from linkerd_contract.explain import DECISIONS_PATH, IDENTITY_PATH, DecisionTrace
from linkerd_proxy.admin.loglevel import LogLevel
from linkerd_proxy.admin.logs import MAX_STREAMS, LogStreams, TooManyStreams
from linkerd_proxy.settings import PREFIX
from linkerd_proxy.telemetry import Registry
from linkerd_proxy.telemetry.decisions import CAPACITY, Decisions
from linkerd_proxy.telemetry.merge import merge
from linkerd_proxy.workers import Followers

PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DECISIONS = "decisions"
"""What the other workers are asked for it by."""
_GZIP_LEVEL = 1
"""Metrics shrink twentyfold at the fastest level already."""


@dataclass(frozen=True, slots=True)
class Admin:
    """What the routes tell. /env.json shows LINKERD2_PROXY_* of `environment`; `shutdown` None disables its route;
    `certificate` is the chain that the proxy serves, leaf first, PEM, None before there is one."""

    registry: Registry
    ready: Callable[[], bool]
    environment: Mapping[str, str]
    log_level: LogLevel
    certificate: Callable[[], bytes | None]
    decisions: Decisions
    shutdown: Callable[[], None] | None = None
    followers: Followers | None = None
    """The other workers, where there are any."""


def admin_app(admin: Admin) -> web.Application:
    """The application; the caller listens."""
    routes = Routes(admin)
    app = web.Application(client_max_size=64 * 1024)
    app.router.add_get("/live", routes.live)
    app.router.add_get("/ready", routes.ready)
    app.router.add_get("/metrics", routes.metrics)
    app.router.add_get(IDENTITY_PATH, routes.certificate)
    app.router.add_get(DECISIONS_PATH, routes.decisions)
    app.router.add_get(DECISIONS_PATH + "/{id}", routes.decision)
    app.router.add_get("/env.json", routes.environment)
    app.router.add_get("/proxy-log-level", routes.get_log_level, allow_head=False)
    app.router.add_put("/proxy-log-level", routes.set_log_level)
    app.router.add_get("/logs.json", routes.logs, allow_head=False)
    app.router.add_post("/shutdown", routes.shutdown)
    return app


def _loopback_only(request: web.Request) -> None:
    """Raises 403 for a peer that is not on loopback; a peer without an address counts as a stranger."""
    try:
        address = ip_address(request.remote or "")
    except ValueError:
        raise web.HTTPForbidden(text="loopback only\n") from None
    mapped = getattr(address, "ipv4_mapped", None)
    if not (mapped or address).is_loopback:
        raise web.HTTPForbidden(text="loopback only\n")


class Routes:
    """One handler a route."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin
        self._streams = LogStreams(admin.log_level)

    async def live(self, request: web.Request) -> web.Response:
        """The process answers."""
        return web.Response(text="live\n")

    async def ready(self, request: web.Request) -> web.Response:
        """The proxy has its certificate and takes traffic."""
        if self._admin.ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready\n")

    async def metrics(self, request: web.Request) -> web.Response:
        """All families, gzipped where the client takes it."""
        body = self._admin.registry.render()
        if self._admin.followers is not None:
            body = merge([body, *await self._admin.followers.metrics()])
        headers = {hdrs.CONTENT_TYPE: PROMETHEUS_TYPE}
        if accepts(request.headers.get(hdrs.ACCEPT_ENCODING, ""), "gzip"):
            body = gzip.compress(body, _GZIP_LEVEL)
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)

    async def certificate(self, request: web.Request) -> web.Response:
        """The certificate chain as peers see it. There is nothing secret in it, and no key."""
        chain = self._admin.certificate()
        if chain is None:
            return web.Response(status=503, text="there is no certificate: identity has not issued one yet\n")
        return web.Response(body=chain, content_type="application/x-pem-file")

    async def decisions(self, request: web.Request) -> web.Response:
        """The traces of failed, denied and retried requests that are kept, newest first."""
        _loopback_only(request)
        return web.Response(body=codec.encode(await self._traces()), content_type="application/json")

    async def decision(self, request: web.Request) -> web.Response:
        """One of them."""
        _loopback_only(request)
        identifier = request.match_info["id"]
        found = self._admin.decisions.get(identifier)
        if found is None and self._admin.followers is not None:
            one = next((trace for trace in await self._traces() if trace.id == identifier), None)
            found = None if one is None else codec.encode(one)
        if found is None:
            text = f"no decision {identifier[:64]} here: this proxy keeps its last {CAPACITY}\n"
            return web.Response(status=404, text=text)
        return web.Response(body=found, content_type="application/json")

    async def _traces(self) -> list[DecisionTrace]:
        """Those of all workers, newest first."""
        lists = [self._admin.decisions.all()]
        if self._admin.followers is not None:
            lists += await self._admin.followers.ask(DECISIONS)
        found = [trace for one in lists for trace in codec.decode(one, list[DecisionTrace])]
        return sorted(found, key=lambda trace: trace.time, reverse=True) if len(lists) > 1 else found

    async def environment(self, request: web.Request) -> web.Response:
        """LINKERD2_PROXY_* as JSON; a query `?A&B` asks for variables by name, null where they are not set."""
        if not accepts(request.headers.get(hdrs.ACCEPT, "*/*"), "application/json"):
            raise web.HTTPNotAcceptable(text="only application/json\n")
        environment = {name: value for name, value in self._admin.environment.items() if name.startswith(PREFIX)}
        if not request.query_string:
            shown: dict[str, str | None] = dict(sorted(environment.items()))
        else:
            if any("=" in part for part in request.query_string.split("&")):
                raise web.HTTPBadRequest(text="the query takes names without values\n")
            shown = {name: environment.get(name) for name in request.query}
        return web.Response(body=codec.encode(shown), content_type="application/json")

    async def get_log_level(self, request: web.Request) -> web.Response:
        """The filter in force."""
        _loopback_only(request)
        return web.Response(text=self._admin.log_level.text + "\n")

    async def set_log_level(self, request: web.Request) -> web.Response:
        """A new filter as the body."""
        _loopback_only(request)
        try:
            text = await request.text()
            self._admin.log_level.set(text)
            if self._admin.followers is not None:
                self._admin.followers.set_log_level(text)
        except ValueError as error:  # UnicodeDecodeError too
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        return web.Response(status=204)

    async def logs(self, request: web.Request) -> web.StreamResponse:
        """What is logged from now on, an object of JSON a line; the query is the filter: `/logs.json?linkerd=debug`."""
        _loopback_only(request)
        if not accepts(request.headers.get(hdrs.ACCEPT, "*/*"), "application/json"):
            raise web.HTTPNotAcceptable(text="only application/json\n")
        if not request.query_string:
            raise web.HTTPBadRequest(text="the query is the filter, such as /logs.json?warn,linkerd=debug\n")
        try:
            stream = self._streams.open(request.query_string)
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        except TooManyStreams:
            raise web.HTTPTooManyRequests(text=f"{MAX_STREAMS} streams are open already\n") from None
        try:
            response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/json"})
            await response.prepare(request)
            # A client that leaves is noticed by writing to it, or after a second of silence.
            while request.transport is not None and not request.transport.is_closing():
                lines = await stream.read(1.0)
                if lines:
                    await response.write(lines)
        except ConnectionError:
            pass
        finally:
            self._streams.close(stream)
        return response

    async def shutdown(self, request: web.Request) -> web.Response:
        """Begin to drain, once this answer is on its way."""
        if self._admin.shutdown is None:
            raise web.HTTPNotFound(text="shutdown endpoint is not enabled\n")
        _loopback_only(request)
        asyncio.get_running_loop().call_soon(self._admin.shutdown)
        return web.Response(text="shutdown\n")


def accepts(header: str, wanted: str) -> bool:
    """Whether an Accept or Accept-Encoding field takes `wanted`: by name, by `type/*`, or by a star; q=0 refuses."""
    found: dict[str, bool] = {}
    for part in header.split(","):
        name, *parameters = [piece.strip().lower() for piece in part.split(";")]
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        found[name] = weight.strip("0.") != ""
    group = wanted.partition("/")[0] + "/*"
    for name in (wanted, group, "*/*" if "/" in wanted else "*"):
        if name in found:
            return found[name]
    return False

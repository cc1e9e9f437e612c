"""The aggregated API: POST /apis/tap.linkerd.io/v1alpha1/watch/namespaces/NS[/PLURAL/NAME]/tap with a TapQuery.

The answer is a TapEvent a line, with both ends named; blank lines say that the stream lives. Pods that are not tapped
are named in headers Warning; those that come later, in a rollout, are tapped too. What the path names is what RBAC
decides about, whatever the body says. Header values are shown to those only who also may watch the subresource
tap-headers. Discovery is open to everybody, as it says nothing.
"""

import logging
import ssl
import time
from collections.abc import Callable, Set
from typing import Protocol

import msgspec
from aiohttp import web

from linkerd_contract import codec
from linkerd_contract.tap import TapEvent
from linkerd_contract.viz import TAP_GROUP, TAP_VERSION, TapQuery
from linkerd_kube import ApiError
from linkerd_runtime.problem import Handler
from linkerd_viz.inventory import Inventory, Pod
from linkerd_viz.tap import status
from linkerd_viz.tap.access import Refused, Reviewer, User, user_of
from linkerd_viz.tap.fanout import Fanout, Proxy, tapping
from linkerd_viz.tap.following import LOOK_SECONDS, Following, key_of
from linkerd_viz.tap.naming import Names
from linkerd_viz.tap.settings import Settings
from linkerd_viz.tap.targets import PLURALS, NoTarget, identity_of, request_of, targets

log = logging.getLogger(__name__)

MAX_TAPS = 64
MAX_BODY = 64 * 1024
NDJSON = "application/x-ndjson"
ALIVE_SECONDS = 5.0
_NAMES_SECONDS = 2.0
_BASE = f"/apis/{TAP_GROUP}/{TAP_VERSION}"


Join = Callable[[list[Pod], int], None]
"""Have pods join a tap that has so many in all."""


class Trust(Protocol):
    """Whose requests count: the keeper."""

    @property
    def allowed_names(self) -> Set[str]:
        """Common names of the front proxy; empty: any of its CA's."""


class TapApi:
    """`context`: the certificate that proxies know us by, None while there is none."""

    def __init__(
        self,
        settings: Settings,
        inventory: Callable[[], Inventory],
        trust: Trust,
        allowed: Reviewer,
        context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        self.running = 0
        self._settings = settings
        self._inventory = inventory
        self._trust = trust
        self._allowed = allowed
        self._context = context
        self._names = Names({})
        self._named_at = float("-inf")

    def app(self) -> web.Application:
        """To serve over TLS that asks for the front proxy's certificate."""
        app = web.Application(middlewares=[_statuses], client_max_size=MAX_BODY)
        for path, document in (
            ("/apis", status.group_list()),
            (f"/apis/{TAP_GROUP}", status.group()),
            (_BASE, status.resource_list()),
        ):
            app.router.add_get(path, _constant(codec.encode(document), "application/json"))
        for path in ("/healthz", "/livez", "/readyz"):
            app.router.add_get(path, _constant(b"ok", "text/plain"))
        app.router.add_post(f"{_BASE}/watch/namespaces/{{namespace}}/tap", self._tap)
        app.router.add_post(f"{_BASE}/watch/namespaces/{{namespace}}/{{plural}}/tap", self._tap)
        app.router.add_post(f"{_BASE}/watch/namespaces/{{namespace}}/{{plural}}/{{name}}/tap", self._tap)
        return app

    async def _tap(self, request: web.Request) -> web.StreamResponse:
        user = user_of(request, self._trust.allowed_names)
        plural, query = _query(request, await request.read())
        values = await self._permitted(user, plural, query)
        warnings = []
        if query.headers and not values:
            warnings.append("values of headers are redacted: " + _forbidden(user, plural, "tap-headers", query))
        found = targets(self._inventory(), query)
        context = self._context()
        if context is None:
            raise NoTarget(503, "tap has no certificate of the mesh yet: is linkerd-identity there?")
        if self.running >= MAX_TAPS:
            raise NoTarget(429, f"{MAX_TAPS} taps run already")
        self.running += 1
        try:
            async with tapping(context) as fanout:
                join = self._joining(fanout, query, values)
                join(found.pods, len(found.pods))
                merged = fanout.events
                await merged.answered.wait()
                if not merged.left and merged.failures:
                    raise NoTarget(502, f"no proxy can be tapped: {'; '.join(merged.failures[:5])}")
                warnings += [*found.warnings, *merged.failures[:5]]
                following = Following(query, self._inventory, time.monotonic)
                return await self._stream(request, _Tap(fanout, following, join), warnings)
        finally:
            self.running -= 1

    def _joining(self, fanout: Fanout, query: TapQuery, values: bool) -> Join:
        settings = self._settings

        def join(pods: list[Pod], of: int) -> None:
            proxies = [
                Proxy(
                    key_of(pod),
                    pod.status.pod_ip,
                    settings.tap_port,
                    identity_of(pod, settings.namespace, settings.trust_domain),
                )
                for pod in pods
            ]
            fanout.follow(proxies, request_of(query, of, values))

        return join

    async def _permitted(self, user: User, plural: str, query: TapQuery) -> bool:
        """Whether they may see headers' values. Raises Refused where they may not tap at all."""
        name = query.namespace if plural == "namespaces" else query.name
        if not await self._allowed(user, plural, query.namespace, name, "tap"):
            raise Refused(403, _forbidden(user, plural, "tap", query))
        return query.headers and await self._allowed(user, plural, query.namespace, name, "tap-headers")

    async def _stream(self, request: web.Request, tap: "_Tap", warnings: list[str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": NDJSON})
        for text in warnings:
            response.headers.add("Warning", status.warning(text))
        try:
            await response.prepare(request)
            written = time.monotonic()
            while not tap.over():
                events = await tap.events.take(LOOK_SECONDS)
                if events or time.monotonic() - written >= ALIVE_SECONDS:
                    await response.write(b"".join(self._line(event) for event in events) or b"\n")
                    written = time.monotonic()
            await response.write_eof()
        except ConnectionError:
            log.debug("the client of a tap left")
        return response

    def _line(self, event: TapEvent) -> bytes:
        now = time.monotonic()
        if now - self._named_at > _NAMES_SECONDS:
            self._names, self._named_at = Names.of(self._inventory()), now
        return codec.encode(self._names.named(event)) + b"\n"


class _Tap:
    """One that runs: its streams, and who joins them."""

    def __init__(self, fanout: Fanout, following: Following, join: Join) -> None:
        self.events = fanout.events
        self._fanout = fanout
        self._following = following
        self._join = join
        self._looked = time.monotonic()

    def over(self) -> bool:
        """Whether nothing more will come; looks for other pods now and then, and has them join."""
        now = time.monotonic()
        if not self.events.ended and now - self._looked < LOOK_SECONDS:
            return False
        self._looked = now
        look = self._following.look(self._fanout)
        if look.join:
            self._join(look.join, look.pods)
        return look.over and self.events.ended


def _query(request: web.Request, body: bytes) -> tuple[str, TapQuery]:
    """The path's plural, and what is asked with the path's names in it. Raises NoTarget for bad requests."""
    path = request.match_info
    plural = path.get("plural", "namespaces")
    if plural not in PLURALS or (plural == "namespaces" and "plural" in path):
        known = ", ".join(name for name in PLURALS if name != "namespaces")
        raise NoTarget(404, f"{plural} cannot be tapped, but {known} can, and a whole namespace")
    try:
        query = codec.decode(body, TapQuery)
    except (ValueError, RecursionError) as error:
        raise NoTarget(400, f"the body is not a tap query: {error}") from error
    if not 0 < query.max_rps <= 1e6:
        raise NoTarget(400, f"maxRps: {query.max_rps} is not between 0 and 1000000")
    if query.to_kind and query.to_kind not in PLURALS.values():
        raise NoTarget(400, f"toKind: {query.to_kind!r} is not one of {', '.join(PLURALS.values())}")
    namespace = path["namespace"]
    name = namespace if plural == "namespaces" else path.get("name", "")
    return plural, msgspec.structs.replace(query, kind=PLURALS[plural], namespace=namespace, name=name)


def _forbidden(user: User, plural: str, subresource: str, query: TapQuery) -> str:
    return status.forbidden(user.name, plural, subresource, query.namespace, query.name)


def _constant(body: bytes, content_type: str) -> Handler:
    async def get(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type)

    return get


@web.middleware
async def _statuses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every refusal as a Status."""
    try:
        return await handler(request)
    except (Refused, NoTarget) as error:
        code, message = error.status, str(error)
    except ApiError as error:
        code, message = 503, f"cannot ask the Kubernetes API who may tap: {error}"
    except web.HTTPException as error:
        code, message = error.status, f"{request.method} {request.path}: {error.reason}"
    return web.Response(body=codec.encode(status.status(code, message)), status=code, content_type="application/json")

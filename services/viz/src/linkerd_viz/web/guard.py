"""What a browser could be made to do to a listener on localhost, and why it cannot.

- DNS rebinding (a foreign name that suddenly resolves to 127.0.0.1 makes a foreign page same-origin): requests are
  answered only under localhost, an IP address (no name, so nothing to rebind) or a name that was configured.
- Requests across sites: GET and HEAD change nothing and cannot be read elsewhere; the one POST, tap's, is refused where
  the browser says that another origin sent it. Programs that are no browsers send neither header.
- Content that a workload chose (names, paths of requests) running as script: the page never makes markup of it, and the
  Content-Security-Policy would not let it run.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from linkerd_contract.viz import TAP_PATH
from linkerd_runtime.problem import problem_response

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_COMPRESS_FROM = 1400  # bytes: what fits a packet gains nothing


def guard(hosts: Iterable[str] = ()) -> Middleware:
    """A middleware that must be the outermost. `hosts` are names beside localhost, without ports."""
    names = frozenset({"localhost", *(host.lower() for host in hosts)})

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = _refusal(request, names)
        response = await handler(request) if refusal is None else refusal
        # Documents of a large mesh are long, and come through a port-forward. Assets are compressed already.
        if isinstance(response, web.Response) and response.content_type == "application/json" and _long(response.body):
            response.enable_compression()
        return response

    return middleware


def _long(body: object) -> bool:
    return isinstance(body, bytes) and len(body) >= _COMPRESS_FROM


async def secure(_request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers of every answer, streams too (a signal, on_response_prepare); the API's are not kept anywhere."""
    response.headers.update(HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def _refusal(request: web.Request, names: frozenset[str]) -> web.Response | None:
    host = _hostname(request.headers.get(hdrs.HOST, ""))
    if not _known(host, names):
        detail = f"host {host!r} is not served here; LINKERD_VIZ_HOSTS names further hosts"
        return problem_response(421, "bad_host", "Misdirected request", detail)
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
        return None
    if request.method != hdrs.METH_POST or request.path != TAP_PATH:
        detail = f"{request.method} {request.path}: only GET and HEAD are answered, and POST of {TAP_PATH}"
        refusal = problem_response(405, "http_405", "Method Not Allowed", detail)
        refusal.headers[hdrs.ALLOW] = "POST" if request.path == TAP_PATH else "GET, HEAD"
        return refusal
    if not _same_origin(request):
        return problem_response(403, "cross_origin", "Forbidden", "tap is not for pages of other origins")
    return None


def _hostname(host: str) -> str:
    """Of "name:port" or "[ipv6]:port"; "" where it is neither."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _known(host: str, names: frozenset[str]) -> bool:
    if host in names:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _same_origin(request: web.Request) -> bool:
    """Fetch Metadata where the browser sends it, and Origin (RFC 6454), which every browser sends with a POST."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get(hdrs.ORIGIN)
    return origin is None or origin.lower() == f"http://{request.headers.get(hdrs.HOST, '')}".lower()

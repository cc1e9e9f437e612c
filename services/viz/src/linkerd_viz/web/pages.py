"""The page and its assets, from memory: compressed once, revalidated by ETag (RFC 9110 8.8.3), so that a new version is
seen at the next load and an old one is never mixed with it.
"""

import gzip
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

ASSETS = Path(__file__).parent / "assets"
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, ready to be sent."""

    content_type: str
    body: bytes
    compressed: bytes
    etag: str


def load(directory: Path = ASSETS) -> dict[str, Asset]:
    """By the URL's path: "/" is index.html, others "/assets/NAME". Raises OSError, ValueError for an unknown type."""
    found = {}
    for file in sorted(path for path in directory.rglob("*") if path.is_file()):
        content_type = _TYPES.get(file.suffix)
        if content_type is None:
            raise ValueError(f"{file}: no content type is known for {file.suffix or 'a name without a suffix'}")
        body = file.read_bytes()
        name = file.relative_to(directory).as_posix()
        path = "/" if name == "index.html" else f"/assets/{name}"
        digest = hashlib.sha256(body).hexdigest()[:24]
        found[path] = Asset(content_type, body, gzip.compress(body, 9, mtime=0), digest)
    return found


def add_pages(app: web.Application) -> None:
    """Routes for every asset; what is not there stays a 404."""
    for path, asset in load().items():
        app.router.add_get(path, _handler(asset))


def _handler(asset: Asset) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def get(request: web.Request) -> web.Response:
        headers = {hdrs.CACHE_CONTROL: "no-cache", hdrs.VARY: hdrs.ACCEPT_ENCODING}
        zipped = bool(_GZIP.search(request.headers.get(hdrs.ACCEPT_ENCODING, "")))
        # Two representations, so two validators.
        etag = f"{asset.etag}-gzip" if zipped else asset.etag
        known = request.if_none_match
        if known is not None and any(tag.value in (etag, "*") for tag in known):
            response = web.Response(status=304, headers=headers)
        elif zipped:
            kind = {hdrs.CONTENT_TYPE: asset.content_type, hdrs.CONTENT_ENCODING: "gzip"}
            response = web.Response(body=asset.compressed, headers=headers | kind)
        else:
            response = web.Response(body=asset.body, headers=headers | {hdrs.CONTENT_TYPE: asset.content_type})
        response.etag = etag
        return response

    return get

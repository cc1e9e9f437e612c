"""The static table of HPACK (RFC 7541 appendix A)."""

from typing import Final

_TEXT = """
:authority|
:method|GET
:method|POST
:path|/
:path|/index.html
:scheme|http
:scheme|https
:status|200
:status|204
:status|206
:status|304
:status|400
:status|404
:status|500
accept-charset|
accept-encoding|gzip, deflate
accept-language|
accept-ranges|
accept|
access-control-allow-origin|
age|
allow|
authorization|
cache-control|
content-disposition|
content-encoding|
content-language|
content-length|
content-location|
content-range|
content-type|
cookie|
date|
etag|
expect|
expires|
from|
host|
if-match|
if-modified-since|
if-none-match|
if-range|
if-unmodified-since|
last-modified|
link|
location|
max-forwards|
proxy-authenticate|
proxy-authorization|
range|
referer|
refresh|
retry-after|
server|
set-cookie|
strict-transport-security|
transfer-encoding|
user-agent|
vary|
via|
www-authenticate|
"""


def _parse(text: str) -> tuple[tuple[bytes, bytes], ...]:
    rows = [line.split("|") for line in text.split("\n") if line]
    return tuple((name.encode(), value.encode()) for name, value in rows)


STATIC: Final = _parse(_TEXT)
"""Index 1 of the RFC is STATIC[0]."""

STATIC_NAMES: Final[dict[bytes, int]] = {name: index for index, (name, _) in reversed(list(enumerate(STATIC, 1)))}
"""The lowest index that has the name."""

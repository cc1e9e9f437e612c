"""From documents to messages: the whole of one, or what changed since another. No IO.

A message is made once for all its readers: the reader's own id is put in front of the rest (`frame`). Lists of more
than CHUNK endpoints, and changes of several backends, travel in parts: all carry the same `version`, all but the last
carry `end: false`. The parts after a `set` have that same version as their `base`.
"""

import hashlib
from collections.abc import Iterator

import msgspec

from linkerd_contract.codec import Document, encode
from linkerd_contract.outbound import Backend, Endpoint, OutboundDocument
from linkerd_contract.watch import CHUNK, EndpointsDelta, ServerMessage, WatchError

Tail = bytes
"""A message without its id: what follows `{"id":N,`."""

_HEAD = len(encode(ServerMessage(id=0, version="x"))) - len(b'"version":"x"}')


def version_of(document: Document, namespace: str, zone: str) -> str:
    """A hash of what the caller is shown: equal on every replica, and for nobody else's document."""
    digest = hashlib.blake2b(encode(document), digest_size=12)
    digest.update(f"\0{namespace}\0{zone}".encode())
    return digest.hexdigest()


def frame(ident: int, tail: Tail) -> bytes:
    """The message for one reader."""
    return b'{"id":%d,%b' % (ident, tail)


def current(version: str) -> list[Tail]:
    """What the reader knows is current."""
    return [_tail(ServerMessage(id=0, version=version))]


def failure(error: WatchError) -> list[Tail]:
    """There is no answer now."""
    return [_tail(ServerMessage(id=0, error=error))]


def whole(document: Document, version: str) -> list[Tail]:
    """The whole document."""
    rest: list[EndpointsDelta] = []
    if isinstance(document, OutboundDocument):
        document, rest = _cut(document)
    first = ServerMessage(id=0, version=version, set=msgspec.Raw(encode(document)), end=not rest)
    return [_tail(first), *_parts(rest, version, version)]


def delta(before: Document, after: Document, base: str, version: str) -> list[Tail] | None:
    """The endpoints that changed since `base`; None where more changed than endpoints, or `whole` is shorter."""
    if not isinstance(before, OutboundDocument) or not isinstance(after, OutboundDocument):
        return None
    if before.backends.keys() != after.backends.keys() or _bare(before) != _bare(after):
        return None
    changes: list[EndpointsDelta] = []
    for ref, backend in after.backends.items():
        change = _endpoints(ref, before.backends[ref].endpoints, backend.endpoints)
        if len(change.add) + len(change.remove) > max(1, len(backend.endpoints)):
            return None
        changes += _chunked(change)
    return _parts(changes, base, version) if changes else None


def _endpoints(ref: str, before: list[Endpoint], after: list[Endpoint]) -> EndpointsDelta:
    known = {e.addr: e for e in before}
    addrs = {e.addr for e in after}
    return EndpointsDelta(
        backend=ref,
        add=[e for e in after if known.get(e.addr) != e],
        remove=[e.addr for e in before if e.addr not in addrs],
    )


def _bare(document: OutboundDocument) -> OutboundDocument:
    """The document without endpoints."""
    backends = {ref: msgspec.structs.replace(b, endpoints=[]) for ref, b in document.backends.items()}
    return msgspec.structs.replace(document, backends=backends)


def _cut(document: OutboundDocument) -> tuple[OutboundDocument, list[EndpointsDelta]]:
    """The document with its first CHUNK endpoints, and the others as additions."""
    room = CHUNK
    rest: list[EndpointsDelta] = []
    backends: dict[str, Backend] = {}
    for ref, backend in document.backends.items():
        kept, more = backend.endpoints[:room], backend.endpoints[room:]
        room -= len(kept)
        backends[ref] = msgspec.structs.replace(backend, endpoints=kept) if more else backend
        rest += _chunked(EndpointsDelta(backend=ref, add=more))
    return (msgspec.structs.replace(document, backends=backends), rest) if rest else (document, [])


def _chunked(change: EndpointsDelta) -> Iterator[EndpointsDelta]:
    """Nothing for no change."""
    add, remove = change.add, change.remove
    for start in range(0, max(len(add), len(remove)), CHUNK):
        end = start + CHUNK
        yield EndpointsDelta(backend=change.backend, add=add[start:end], remove=remove[start:end])


def _parts(changes: list[EndpointsDelta], base: str, version: str) -> list[Tail]:
    last = len(changes) - 1
    return [
        _tail(ServerMessage(id=0, version=version, base=base, endpoints=change, end=n == last))
        for n, change in enumerate(changes)
    ]


def _tail(message: ServerMessage) -> Tail:
    return encode(message)[_HEAD:]

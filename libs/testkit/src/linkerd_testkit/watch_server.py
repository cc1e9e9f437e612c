"""The server's side of the watch protocol for tests: documents by target, pushed to whoever watches them.

Scripted, not smart: what `set_*` and `push_endpoints` say is sent at once to every watcher, in order. Versions are
hashes of the documents, as the real service's are.
"""

import hashlib

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from linkerd_contract import codec
from linkerd_contract.inbound import InboundDocument
from linkerd_contract.outbound import Endpoint, OutboundDocument
from linkerd_contract.watch import (
    CHUNK,
    PING_SECONDS,
    ClientMessage,
    EndpointsDelta,
    Hello,
    ServerMessage,
    Unwatch,
    WatchCode,
    WatchError,
    WatchKind,
)

Key = tuple[WatchKind, str]
AnyDocument = OutboundDocument | InboundDocument

NOT_FOUND = WatchError(WatchCode.not_found, "the test's control plane has no such document")


_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)


def version_of(document: AnyDocument) -> str:
    """A hash of the rendered document."""
    return hashlib.sha256(codec.encode(document)).hexdigest()[:16]


class Client:
    """One proxy's stream."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self.ws = ws
        self.hello = Hello(workload="")
        self.watches: dict[int, Key] = {}

    async def send(self, message: ServerMessage) -> None:
        """One message."""
        if not self.ws.closed:
            await self.ws.send_str(codec.encode(message).decode())


class WatchServer:
    """Documents and the streams that watch them. `hellos` and `clients` are there for tests to look at."""

    def __init__(self) -> None:
        self.clients: list[Client] = []
        self.hellos: list[Hello] = []
        self.accepting = True
        """When false, new streams are answered 503."""
        self._documents: dict[Key, AnyDocument] = {}
        self._errors: dict[Key, WatchError] = {}

    async def set_outbound(self, target: str, document: OutboundDocument) -> None:
        """What a target is from now on."""
        await self._set((WatchKind.outbound, target), document)

    async def set_inbound(self, document: InboundDocument) -> None:
        """The inbound policy of every workload from now on."""
        await self._set((WatchKind.inbound, ""), document)

    async def push_endpoints(
        self, target: str, backend: str, add: list[Endpoint] | None = None, remove: list[str] | None = None
    ) -> None:
        """Change a backend's endpoints by a delta. Raises KeyError for a target or backend that is not there."""
        key = (WatchKind.outbound, target)
        before = self._documents[key]
        assert isinstance(before, OutboundDocument)
        delta = EndpointsDelta(backend, add or [], remove or [])
        endpoints = {e.addr: e for e in before.backends[backend].endpoints if e.addr not in delta.remove}
        endpoints |= {endpoint.addr: endpoint for endpoint in delta.add}
        changed = msgspec.structs.replace(before.backends[backend], endpoints=list(endpoints.values()))
        after = msgspec.structs.replace(before, backends={**before.backends, backend: changed})
        self._documents[key] = after
        for client, watch_id in self._watching(key):
            await client.send(ServerMessage(watch_id, version_of(after), base=version_of(before), endpoints=delta))

    async def fail(self, kind: WatchKind, target: str, error: WatchError) -> None:
        """Answer an error from now on, until a document is set."""
        self._documents.pop((kind, target), None)
        self._errors[kind, target] = error
        for client, watch_id in self._watching((kind, target)):
            await client.send(ServerMessage(watch_id, error=error))

    async def send_raw(self, text: str) -> None:
        """Send any text to every client, for what a broken server would say."""
        for client in list(self.clients):
            await client.ws.send_str(text)

    async def drop_connections(self) -> None:
        """Close every stream."""
        for client in list(self.clients):
            await client.ws.close(code=WSCloseCode.GOING_AWAY)

    def watched(self) -> set[Key]:
        """What is being watched now, by anybody."""
        return {key for client in self.clients for key in client.watches.values()}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/watch."""
        if not self.accepting:
            raise web.HTTPServiceUnavailable
        ws = web.WebSocketResponse(heartbeat=PING_SECONDS)
        await ws.prepare(request)
        client = Client(ws)
        self.clients.append(client)
        try:
            async for message in ws:
                if message.type is WSMsgType.TEXT:
                    await self._on_message(client, message.data)
        finally:
            self.clients.remove(client)
        return ws

    async def _on_message(self, client: Client, data: str) -> None:
        message = _decoder.decode(data)
        if isinstance(message, Hello):
            client.hello = message
            self.hellos.append(message)
        elif isinstance(message, Unwatch):
            client.watches.pop(message.id, None)
        else:
            key = (message.kind, message.target)
            client.watches[message.id] = key
            await self._answer(client, message.id, key)

    async def _answer(self, client: Client, watch_id: int, key: Key) -> None:
        document = self._documents.get(key)
        if document is None:
            await client.send(ServerMessage(watch_id, error=self._errors.get(key, NOT_FOUND)))
            return
        version = version_of(document)
        # What the hello said is known, and is still so, is not sent again; later watches of it get everything.
        known = [k for k in client.hello.known if (k.kind, k.target) == key]
        client.hello = msgspec.structs.replace(client.hello, known=[k for k in client.hello.known if k not in known])
        if any(k.version == version for k in known):
            await client.send(ServerMessage(watch_id, version))
            return
        for part in parts_of(watch_id, version, document):
            await client.send(part)

    async def _set(self, key: Key, document: AnyDocument) -> None:
        self._errors.pop(key, None)
        self._documents[key] = document
        for client, watch_id in self._watching(key):
            for part in parts_of(watch_id, version_of(document), document):
                await client.send(part)

    def _watching(self, key: Key) -> list[tuple[Client, int]]:
        return [(client, id_) for client in self.clients for id_, watched in client.watches.items() if watched == key]


def parts_of(watch_id: int, version: str, document: AnyDocument) -> list[ServerMessage]:
    """A document as messages: endpoints beyond CHUNK of a backend follow as additions, the last part ends it."""
    rest: list[EndpointsDelta] = []
    if isinstance(document, OutboundDocument):
        backends = dict(document.backends)
        for ref, backend in document.backends.items():
            backends[ref] = msgspec.structs.replace(backend, endpoints=backend.endpoints[:CHUNK])
            starts = range(CHUNK, len(backend.endpoints), CHUNK)
            rest += [EndpointsDelta(ref, backend.endpoints[start : start + CHUNK]) for start in starts]
        document = msgspec.structs.replace(document, backends=backends)
    first = ServerMessage(watch_id, version, set=msgspec.Raw(codec.encode(document)), end=not rest)
    return [
        first,
        *[
            ServerMessage(watch_id, version, endpoints=delta, end=index == len(rest))
            for index, delta in enumerate(rest, start=1)
        ],
    ]

"""Port-forward over SPDY streams: each connection is a pair of streams, `error` and `data`, of one request id.

As k8s.io/kubelet/pkg/cri/streaming/portforward/httpstream.go. The SPDY bytes come over an upgraded connection or
inside WebSocket messages; both look alike from here: bytes are fed in, and `send` takes bytes out.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from linkerd_sandbox.apiserver.portforward import spdy
from linkerd_sandbox.apiserver.portforward.target import Inbox, Target, copy_both_ways

PROTOCOL = "portforward.k8s.io"
Send = Callable[[bytes], Awaitable[None]]


@dataclass(slots=True)
class _Pair:
    port: int
    error: int = 0
    data: int = 0
    inbox: Inbox = field(default_factory=Inbox)
    task: asyncio.Task[None] | None = None


class StreamForwarder:
    """Forwards the streams of one session."""

    def __init__(self, target: Target, send: Send) -> None:
        self._target = target
        self._send = send
        self._session = spdy.Session()
        self._pairs: dict[str, _Pair] = {}
        self._by_data: dict[int, _Pair] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def feed(self, raw: bytes) -> None:
        """Take bytes from the client. Raises `spdy.ProtocolError`."""
        for event in self._session.feed(raw):
            match event:
                case spdy.Opened():
                    await self._opened(event)
                case spdy.Data(stream, payload, fin):
                    await self._data(stream, payload, fin=fin)
                case spdy.Reset(stream):
                    self._reset(stream)
                case spdy.Ping(number):
                    await self._send(spdy.ping(number))

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _opened(self, event: spdy.Opened) -> None:
        kind, port = event.headers.get("streamtype"), event.headers.get("port", "")
        if kind not in ("data", "error") or not port.isdigit() or not 0 < int(port) < 1 << 16:
            await self._send(spdy.reset(event.stream))
            return
        pair = self._pairs.setdefault(event.headers.get("requestid") or port, _Pair(int(port)))
        await self._send(self._session.reply(event.stream))
        if kind == "error":
            pair.error = event.stream
        else:
            pair.data = event.stream
            self._by_data[event.stream] = pair
        if pair.error and pair.data and pair.task is None:
            self._pairs = {key: item for key, item in self._pairs.items() if item is not pair}
            pair.task = asyncio.create_task(self._forward(pair))
            self._tasks.add(pair.task)
            pair.task.add_done_callback(self._tasks.discard)

    async def _data(self, stream: int, payload: bytes, *, fin: bool) -> None:
        pair = self._by_data.get(stream)
        if pair is None or pair.task is None or pair.task.done():
            return
        await pair.inbox.put(payload)
        if fin:
            await pair.inbox.end()

    def _reset(self, stream: int) -> None:
        pair = self._by_data.pop(stream, None)
        if pair is not None and pair.task is not None:
            pair.task.cancel()

    async def _forward(self, pair: _Pair) -> None:
        error = b""
        try:
            connection = await self._target.dial(pair.port)
            await copy_both_ways(pair.inbox, lambda chunk: self._send(spdy.data(pair.data, chunk)), connection)
        except OSError as failure:
            error = self._target.refusal(pair.port, failure).encode()
        if error:
            await self._send(spdy.data(pair.error, error))
        await self._send(spdy.data(pair.error, b"", fin=True))
        await self._send(spdy.data(pair.data, b"", fin=True))
        self._by_data.pop(pair.data, None)

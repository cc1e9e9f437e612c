"""Proxies as destination sees them: WebSockets over mutual TLS that note when a watch was told something.

Frames are read by hand and messages not parsed beyond their id: the clients of a thousand proxies share one core.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable

from linkerd_contract.codec import encode
from linkerd_contract.watch import WATCH_PATH, Hello, Watch, WatchKind

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_LAST_PART = b'"end":false}'


def _frame(kind: int, payload: bytes) -> bytes:
    """A masked frame (RFC 6455 section 5.2); a mask of zeros leaves the payload as it is."""
    size = len(payload)
    head = bytes((0x80 | kind,))
    head += bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return head + b"\0\0\0\0" + payload


class Proxy(asyncio.Protocol):
    """One proxy; `told(watch id, monotonic seconds)` for each whole answer."""

    def __init__(self, told: Callable[[int, float], None]) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self.received = 0
        self._told = told
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        key = "AAAAAAAAAAAAAAAAAAAAAA=="
        self._write(
            f"GET {WATCH_PATH} HTTP/1.1\r\nhost: destination\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n".encode()
        )

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionError("closed before the upgrade"))

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._buffer += data
        if not self._upgraded:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._buffer.startswith(b"HTTP/1.1 101"):
                self.opened.set_exception(ConnectionError(self._buffer[:200].decode("latin-1")))
                return
            del self._buffer[: end + 4]
            self._upgraded = True
            self.opened.set_result(None)
        self._frames()

    def _frames(self) -> None:
        buffer, at = self._buffer, 0
        now = time.monotonic()
        while len(buffer) - at >= 2:
            kind, size, start = buffer[at] & 0xF, buffer[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            elif size == 127:
                size, start = int.from_bytes(buffer[at + 2 : at + 10], "big"), at + 10
            end = start + size
            if end > len(buffer):
                break
            if kind == _TEXT:
                if not buffer.endswith(_LAST_PART, start, end):
                    self._told(int(buffer[start + 6 : buffer.index(b",", start, start + 24)]), now)
            elif kind == _PING:
                self._write(_frame(_PONG, bytes(buffer[start:end])))
            elif kind == _CLOSE:
                self.lost = True
            at = end
        del buffer[:at]

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def hello(self, workload: str, zone: str) -> None:
        """The first message."""
        self._write(_frame(_TEXT, encode(Hello(workload=workload, zone=zone))))

    def watch(self, ident: int, target: str) -> None:
        """One more watch."""
        self._write(_frame(_TEXT, encode(Watch(id=ident, kind=WatchKind.outbound, target=target))))

    def stop_reading(self) -> None:
        """As a proxy that hangs."""
        assert self._transport is not None
        self._transport.pause_reading()

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


async def connect(port: int, context: ssl.SSLContext, name: str, told: Callable[[int, float], None]) -> Proxy:
    """A proxy whose WebSocket is open. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, proxy = await loop.create_connection(lambda: Proxy(told), "127.0.0.1", port, ssl=context, server_hostname=name)
    await asyncio.wait_for(proxy.opened, 30)
    return proxy


def pin(core: int) -> None:
    """This process and what it starts, on one core."""
    os.sched_setaffinity(0, {core})

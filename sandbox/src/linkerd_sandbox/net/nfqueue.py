"""Packets that wait: a netfilter queue whose packets are let go after a time. The delay of `chaos delay`.

Only numbers of packets come to us, in the order of their arrival; the packets themselves stay in the kernel (copy mode
META, segmentation left alone), so the delay costs two small messages a packet. A queue that is full drops, as a real
link's does. Formats: linux/netfilter/nfnetlink_queue.h.
"""

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections import deque
from typing import Final

_NETLINK_NETFILTER: Final = 12
_SOL_NETLINK, _NO_ENOBUFS = 270, 5
_SUBSYSTEM: Final = 3 << 8
_PACKET, _CONFIG, _VERDICT_BATCH = 0, 2, 3
_REQUEST, _ACK = 1, 4
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_BIND, _COPY_META, _FLAG_GSO = 1, 1, 4
_PACKET_HEADER, _VERDICT_HEADER, _ACCEPT = 1, 2, 1
_HEADER: Final = struct.Struct("=IHHII")
_LONGEST: Final = 100_000
"""Packets that wait at most."""
_BUFFER: Final = 4 << 20


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def message(kind: int, queue: int, attributes: bytes, flags: int = 0) -> bytes:
    """One request about a queue. PURE."""
    body = struct.pack("!BBH", 0, 0, queue) + attributes
    return _HEADER.pack(16 + len(body), _SUBSYSTEM | kind, _REQUEST | flags, 0, 0) + body


def packet_ids(data: bytes) -> list[int]:
    """Numbers of the packets that a datagram of the kernel tells of. PURE."""
    found: list[int] = []
    position = 0
    while position + 16 <= len(data):
        length, kind, _, _, _ = _HEADER.unpack_from(data, position)
        if length < 16:
            break
        if kind == _SUBSYSTEM | _PACKET:
            inner, end = position + 20, position + length
            while inner + 4 <= end:
                size, name = struct.unpack_from("=HH", data, inner)
                if size < 4:
                    break
                if name & 0x3FFF == _PACKET_HEADER:
                    found.append(struct.unpack_from("!I", data, inner + 4)[0])
                inner += size + -size % 4
        position += length + -length % 4
    return found


class DelayQueue:
    """A queue of this network namespace; what is sent to it goes on after `seconds`."""

    def __init__(self, number: int, seconds: float) -> None:
        """Raises OSError where the kernel has no netfilter queues."""
        self.number = number
        self.seconds = seconds
        self._waiting: deque[tuple[float, int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER)
        try:
            self._socket.bind((0, 0))
            self._socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
            self._configure()
        except BaseException:
            self._socket.close()
            raise
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket.fileno(), self._on_packets)

    def _configure(self) -> None:
        command = attribute(_CFG_CMD, struct.pack("!BBH", _BIND, 0, 0))
        rest = attribute(_CFG_PARAMS, struct.pack("!IB", 0, _COPY_META))
        rest += attribute(_CFG_MAXLEN, struct.pack("!I", _LONGEST))
        rest += attribute(_CFG_FLAGS, struct.pack("!I", _FLAG_GSO)) + attribute(_CFG_MASK, struct.pack("!I", _FLAG_GSO))
        for attributes in (command, rest):
            self._socket.send(message(_CONFIG, self.number, attributes, _ACK))
            answer = self._socket.recv(4096)
            number = -struct.unpack_from("=i", answer, 16)[0]
            if number:
                raise OSError(number, f"netfilter queue {self.number}: {os.strerror(number)}")

    def _on_packets(self) -> None:
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                continue  # a message was lost; its packet waits until the next verdict
            due = time.monotonic() + self.seconds
            self._waiting.extend((due, number) for number in packet_ids(data))
        self._arm()

    def _arm(self) -> None:
        if self._waiting and self._timer is None:
            pause = max(self._waiting[0][0] - time.monotonic(), 0.0)
            self._timer = self._loop.call_later(pause, self._let_go)

    def _let_go(self) -> None:
        """A verdict over all packets up to the last one whose time has come."""
        self._timer = None
        now, last = time.monotonic() + 0.0005, None
        while self._waiting and self._waiting[0][0] <= now:
            last = self._waiting.popleft()[1]
        if last is not None:
            self._send(last)
        self._arm()

    def _send(self, number: int) -> None:
        verdict = attribute(_VERDICT_HEADER, struct.pack("!II", _ACCEPT, number))
        with contextlib.suppress(OSError):
            self._socket.send(message(_VERDICT_BATCH, self.number, verdict))

    def close(self) -> None:
        """Lets all of them go. The rule that leads here must be gone."""
        self._loop.remove_reader(self._socket.fileno())
        if self._timer is not None:
            self._timer.cancel()
        if self._waiting:
            self._send(self._waiting[-1][1])
        self._socket.close()

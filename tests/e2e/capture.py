"""What goes over the links of a network namespace: a capture of TCP between given addresses, as streams.

`python capture.py ADDRESS…` prints "ready", listens on every link of the namespace that it is started in (nsenter)
until its input ends, and prints {"dropped": n, "streams": [{"from", "to", "bytes" (hex)}]}. The standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_ETH_P_ALL = 3
_ETHERNET, _IPV4, _TCP = 14, b"\x08\x00", 6
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
Flow = tuple[str, str]


def decode(frame: bytes, addresses: set[str]) -> tuple[Flow, int, bytes] | None:
    """The flow, sequence number and payload of a frame between two of the addresses; None for anything else."""
    if frame[12:14] != _IPV4 or frame[_ETHERNET + 9] != _TCP:
        return None
    packet = frame[_ETHERNET:]
    length = int.from_bytes(packet[2:4], "big") or len(packet)  # 0: larger than the field, on a virtual link
    packet = packet[:length]
    source, target = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
    if source not in addresses or target not in addresses:
        return None
    segment = packet[(packet[0] & 15) * 4 :]
    ports = int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")
    payload = segment[(segment[12] >> 4) * 4 :]
    return (f"{source}:{ports[0]}", f"{target}:{ports[1]}"), int.from_bytes(segment[4:8], "big"), payload


def assemble(pieces: dict[int, bytes]) -> bytes:
    """The stream from its segments by sequence number; what was sent twice or seen on two links counts once."""
    stream = b""
    start: int | None = None
    for number in sorted(pieces):
        start = number if start is None else start
        at = number - start
        if at <= len(stream) < at + len(pieces[number]):
            stream += pieces[number][len(stream) - at :]
        elif at > len(stream):
            raise ValueError(f"{at - len(stream)} bytes of a stream were not captured")
    return stream


def is_tls(stream: bytes) -> bool:
    """Whether the stream is TLS records from its first byte to its last (which may break off)."""
    at = 0
    while at + 5 <= len(stream):
        kind, version, length = stream[at], stream[at + 1 : at + 3], int.from_bytes(stream[at + 3 : at + 5], "big")
        if kind not in (20, 21, 22, 23) or version not in (b"\x03\x01", b"\x03\x03") or length > 16640:
            return False
        at += 5 + length
    return bool(stream)


def main(addresses: set[str]) -> None:
    """Capture until the input ends."""
    flows: dict[Flow, dict[int, bytes]] = {}
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL)) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        print("ready", flush=True)  # noqa: T201
        asked_to_end = False
        while True:
            # when the end is asked for, what is already queued is still read
            ready, _, _ = select.select(
                [link] if asked_to_end else [link, sys.stdin], [], [], 0 if asked_to_end else None
            )
            if sys.stdin in ready:
                asked_to_end = True
            elif link in ready:
                found = decode(link.recv(1 << 17), addresses)
                if found is not None and found[2]:
                    flow, number, payload = found
                    pieces = flows.setdefault(flow, {})
                    if len(payload) > len(pieces.get(number, b"")):
                        pieces[number] = payload
            else:
                break
        dropped = int.from_bytes(link.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)[4:], sys.byteorder)
    streams = [
        {"from": source, "to": target, "bytes": assemble(pieces).hex()} for (source, target), pieces in flows.items()
    ]
    json.dump({"dropped": dropped, "streams": streams}, sys.stdout)


@dataclass
class Capture:
    """What was captured, once it has ended."""

    streams: list[tuple[str, str, bytes]] = field(default_factory=list)
    """From address:port, to address:port, what was said."""


@contextlib.contextmanager
def capturing(node_pid: int, addresses: set[str]) -> Iterator[Capture]:
    """Captures between the addresses, in the network namespace of a process, while the block runs."""
    enter = ["nsenter", "-t", str(node_pid), "-n"]
    if os.geteuid() != 0:
        enter += ["-U", "--preserve-credentials"]
    command = [*enter, sys.executable, str(Path(__file__)), *sorted(addresses)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        captured = Capture()
        yield captured
        said, _ = process.communicate(timeout=20)
    report = json.loads(said)
    assert report["dropped"] == 0
    captured.streams = [(s["from"], s["to"], bytes.fromhex(s["bytes"])) for s in report["streams"]]


if __name__ == "__main__":
    main(set(sys.argv[1:]))

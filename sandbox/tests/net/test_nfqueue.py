"""Delayed packets: the messages, and real packets in a namespace of their own."""

import os
import struct
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linkerd_sandbox.net import nfqueue

PROGRAM = """
import asyncio, subprocess, sys, time
from linkerd_sandbox.net.nfqueue import DelayQueue

def run(*words):
    subprocess.run(words, check=True)

async def main():
    run("ip", "link", "set", "lo", "up")
    try:
        queue = DelayQueue(3, 0.2)
    except OSError as error:
        print("no queues:", error)
        return
    run("iptables", "-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "--dport", "7", "-j", "NFQUEUE", "--queue-num", "3")

    async def echo(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    await asyncio.start_server(echo, "127.0.0.1", 7)
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", 7)
    connected = time.monotonic() - began
    writer.write(b"x" * 3_000_000)
    got = await reader.readexactly(3_000_000)
    run("iptables", "-t", "mangle", "-F")
    queue.close()
    writer.write(b"y")
    assert await reader.readexactly(1) == b"y"
    print(connected > 0.19, len(got))

asyncio.run(main())
"""


def test_ids_of_packets() -> None:
    header = nfqueue.attribute(1, struct.pack("!IHB", 7, 0x0800, 0))
    other = nfqueue.attribute(9, b"abc")
    one = nfqueue.message(0, 3, other + header)
    assert nfqueue.packet_ids(one) == [7]
    assert nfqueue.packet_ids(one + nfqueue.message(2, 3, header) + one) == [7, 7], "what is no packet is passed over"


@given(st.binary(max_size=200))
def test_any_bytes_are_read(data: bytes) -> None:
    assert all(0 <= number < 1 << 32 for number in nfqueue.packet_ids(data))


@pytest.mark.root
def test_packets_wait() -> None:
    command = ["unshare", "--net", "--map-root-user", sys.executable, "-c", PROGRAM]
    # A normal user's PATH on Debian has no sbin.
    env = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
    if "unshare" in done.stderr or "no queues" in done.stdout:
        pytest.skip((done.stdout + done.stderr).strip())
    assert done.stdout == "True 3000000\n", done.stdout + done.stderr

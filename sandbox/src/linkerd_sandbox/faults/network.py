"""Faults of pods' links, on the node's end of each: what is cut, what is lost, what waits.

On the node and not in the pod, so that a program there sees a bad network, and not its own kernel refusing. `script` is
PURE; delay is a netfilter queue, as many kernels have no netem.
"""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from linkerd_sandbox.faults.errors import FaultRefused
from linkerd_sandbox.net.nfqueue import DelayQueue

_TABLE: Final = "inet linkerd_sandbox_chaos"
_FIRST_QUEUE: Final = 1000


@dataclass(slots=True)
class LinkFault:
    """Of one link."""

    partition: bool = False
    loss_percent: int = 0

    @property
    def any(self) -> bool:
        return self.partition or bool(self.loss_percent)


def script(faults: Mapping[str, LinkFault]) -> str:
    """All cut and lossy links (by the node's end) as an nft script. Loss is of what the pod sends, as with netem."""
    out: list[str] = []
    back: list[str] = []
    for link, fault in sorted(faults.items()):
        if fault.partition:
            out.append(f'    iifname "{link}" drop\n')
            back.append(f'    oifname "{link}" drop\n')
        elif fault.loss_percent:
            lost = f"numgen random mod 100 < {fault.loss_percent} " if fault.loss_percent < 100 else ""
            out.append(f'    iifname "{link}" {lost}drop\n')
    chains = (
        f"  chain sent {{\n    type filter hook prerouting priority -310; policy accept;\n{''.join(out)}  }}\n"
        f"  chain received {{\n    type filter hook postrouting priority 310; policy accept;\n{''.join(back)}  }}\n"
    )
    head = f"add table {_TABLE}\ndelete table {_TABLE}\n"
    return head + (f"table {_TABLE} {{\n{chains}}}\n" if out else "")


class LinkFaults:
    """Keeps the rules and the queues."""

    def __init__(self, nft: str, iptables: tuple[str, ...]) -> None:
        """`iptables`: iptables, and ip6tables where pods have IPv6."""
        self._nft = nft
        self._iptables = iptables
        self._faults: dict[str, LinkFault] = {}
        self._queues: dict[str, DelayQueue] = {}

    async def partition(self, link: str) -> None:
        """Nothing passes the link, in either direction. Raises FaultRefused."""
        self._faults.setdefault(link, LinkFault()).partition = True
        await self._load()

    async def lose(self, link: str, percent: int) -> None:
        """So many of a hundred packets that the pod sends are lost. Raises FaultRefused."""
        self._faults.setdefault(link, LinkFault()).loss_percent = percent
        await self._load()

    async def delay(self, link: str, seconds: float) -> None:
        """Each packet that the pod sends waits. Raises FaultRefused."""
        for gone in [one for one in self._queues if not _exists(one)]:
            await self.heal(gone)
        if link in self._queues:
            self._queues[link].seconds = seconds
            return
        used = {queue.number for queue in self._queues.values()}
        number = next(one for one in range(_FIRST_QUEUE, 1 << 16) if one not in used)
        try:
            self._queues[link] = DelayQueue(number, seconds)
        except OSError as error:
            raise FaultRefused(f"delay needs the kernel's netfilter queues (nfnetlink_queue): {error}") from None
        try:
            await self._queue_rule("-A", link, number)
        except FaultRefused:
            self._queues.pop(link).close()
            raise

    async def heal(self, link: str) -> None:
        """Raises FaultRefused."""
        if self._faults.pop(link, None) is not None:
            await self._load()
        queue = self._queues.pop(link, None)
        if queue is not None:
            await self._queue_rule("-D", link, queue.number)
            queue.close()

    async def _queue_rule(self, verb: str, link: str, number: int) -> None:
        where = ("-w", "-t", "mangle", verb, "PREROUTING", "-i", link)
        for program in self._iptables:
            await _run([program, *where, "-j", "NFQUEUE", "--queue-num", str(number), "--queue-bypass"])

    async def _load(self) -> None:
        self._faults = {link: fault for link, fault in self._faults.items() if fault.any and _exists(link)}
        await _run([self._nft, "-f", "-"], script(self._faults))


def _exists(link: str) -> bool:
    try:
        socket.if_nametoindex(link)
    except OSError:
        return False
    return True


async def _run(command: list[str], text: str = "") -> None:
    """Raises FaultRefused."""
    pipe = asyncio.subprocess.PIPE
    # uvloop refuses to write to a program that has ended already, as one may that reads nothing
    given = pipe if text else asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=given, stdout=pipe, stderr=pipe)
    _, errors = await process.communicate(text.encode() if text else None)
    if process.returncode:
        raise FaultRefused(f"{command[0]}: {' '.join(errors.decode('utf-8', 'replace').split())}")

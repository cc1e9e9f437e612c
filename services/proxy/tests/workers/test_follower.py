"""What a follower does with what it is told."""

import asyncio
import socket

from linkerd_contract.tap import TapDirection, TapEvent, TapMatch, TapPeer, TapRequest
from linkerd_proxy.workers.channel import Channel, ToFollower, ToLeader
from linkerd_proxy.workers.follower import EVENTS_AT_ONCE, Leader, Orders
from linkerd_runtime.certify import Credentials

CREDENTIALS = Credentials("web.id", "/chain", "/key", "-----BEGIN", 1.5)
REQUEST = TapRequest(limit=1, match=TapMatch(path="/a"))
EVENT = TapEvent(TapDirection.inbound, TapPeer("10.0.0.1", 1), TapPeer("10.0.0.2", 2), 1, 1)


async def test_told_asked_drained() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    told: list[object] = []
    leader = Leader(theirs)
    await leader.connect()
    channel = await Channel.of(ours)
    following = asyncio.create_task(
        leader.follow(
            Orders(told.append, told.append, lambda: told.append("stop"), lambda *tap: told.append(tap)),
            {"metrics": lambda: b"a 1\n"},
        )
    )
    leader.ready()
    for message in (
        ToFollower(credentials=CREDENTIALS),
        ToFollower(log_level="debug"),
        ToFollower(tap=3, request=REQUEST),
        ToFollower(tap=3),
        ToFollower(ask=7, what="metrics"),
        ToFollower(ask=8, what="what is not known"),
        ToFollower(drain=True),
    ):
        channel.send(message)
    heard: list[ToLeader] = []
    async for answer in channel.to_leader():
        heard.append(answer)
        if answer.answers == 8:
            break
    assert heard == [ToLeader(ready=True), ToLeader(answers=7, text="a 1\n"), ToLeader(answers=8)]
    assert told == [CREDENTIALS, "debug", (3, REQUEST), (3, None), "stop"]
    channel.close()
    await asyncio.wait_for(following, 30)
    assert told[-2:] == ["stop", "stop"]


async def test_events_of_taps_go_in_pieces() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    leader = Leader(theirs)
    await leader.connect()
    channel = await Channel.of(ours)
    sending = asyncio.create_task(leader.tapped(5, [EVENT] * (EVENTS_AT_ONCE + 1)))
    counts: list[int] = []
    async for message in channel.to_leader():
        assert message == ToLeader(tap=5, events=[EVENT] * len(message.events))
        counts.append(len(message.events))
        if len(counts) == 2:
            break
    assert counts == [EVENTS_AT_ONCE, 1]
    await sending
    # Where the first worker is gone, nothing is waited for.
    channel.close()
    await asyncio.wait_for(leader.tapped(5, [EVENT] * 1000), 30)

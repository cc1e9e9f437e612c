"""What a follower does with what it is told."""

import asyncio
import socket

from linkerd_proxy.workers.channel import Channel, ToFollower, ToLeader
from linkerd_proxy.workers.follower import Leader
from linkerd_runtime.certify import Credentials

CREDENTIALS = Credentials("web.id", "/chain", "/key", "-----BEGIN", 1.5)


async def test_told_asked_drained() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    told: list[object] = []
    leader = Leader(theirs)
    await leader.connect()
    channel = await Channel.of(ours)
    following = asyncio.create_task(
        leader.follow(told.append, told.append, lambda: told.append("stop"), {"metrics": lambda: b"a 1\n"})
    )
    leader.ready()
    for message in (
        ToFollower(credentials=CREDENTIALS),
        ToFollower(log_level="debug"),
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
    assert told == [CREDENTIALS, "debug", "stop"]
    channel.close()
    await asyncio.wait_for(following, 5)
    assert told[-2:] == ["stop", "stop"]

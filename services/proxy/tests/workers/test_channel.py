"""The two ends of a channel."""

import socket

from linkerd_proxy.workers.channel import Channel, ToFollower, ToLeader
from linkerd_runtime.certify import Credentials

CREDENTIALS = Credentials("web.id", "/chain", "/key", "-----BEGIN", 1.5)


async def ends() -> tuple[Channel, Channel]:
    a, b = socket.socketpair()
    a.setblocking(False)
    b.setblocking(False)
    return await Channel.of(a), await Channel.of(b)


async def test_messages_both_ways_and_the_end() -> None:
    leader, follower = await ends()
    sent = [ToFollower(credentials=CREDENTIALS), ToFollower(log_level="warn"), ToFollower(ask=1, what="metrics")]
    for message in sent:
        leader.send(message)
    follower.send(ToLeader(ready=True))
    follower.send(ToLeader(answers=1, text="x\ny" * 1_000_000))
    heard: list[ToLeader] = []
    async for message_back in leader.to_leader():
        heard.append(message_back)
        if len(heard) == 2:
            break
    assert heard == [ToLeader(ready=True), ToLeader(answers=1, text="x\ny" * 1_000_000)]
    leader.close()
    assert [message async for message in follower.to_follower()] == sent
    leader.send(ToFollower(drain=True))  # nobody is there: nothing happens
    follower.close()

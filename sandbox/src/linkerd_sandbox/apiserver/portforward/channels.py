"""Port-forward over WebSocket messages that begin with a channel number (v4.channel.k8s.io).

Each requested port has two channels, data (2 i) and error (2 i + 1); the server first sends the port as two
little-endian bytes on both (k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go). With v5.channel.k8s.io a
message `255, N` ends channel N.
"""

import asyncio

from aiohttp import WSMsgType, web

from linkerd_sandbox.apiserver.portforward.target import Inbox, Target, copy_both_ways

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
_CLOSE = 255


async def serve(socket: web.WebSocketResponse, ports: list[int], target: Target) -> None:
    """Forward until the client closes or every port's connection has ended."""
    inboxes = [Inbox() for _ in ports]

    async def forward() -> None:
        async with asyncio.TaskGroup() as group:
            for index, port in enumerate(ports):
                group.create_task(_forward(socket, index, port, target, inboxes[index]))

    both = [asyncio.create_task(_read(socket, inboxes)), asyncio.create_task(forward())]
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)


async def _read(socket: web.WebSocketResponse, inboxes: list[Inbox]) -> None:
    async for message in socket:
        if message.type is not WSMsgType.BINARY or not message.data:
            continue
        channel, rest = message.data[0], message.data[1:]
        if channel == _CLOSE and rest and rest[0] % 2 == 0 and rest[0] // 2 < len(inboxes):
            await inboxes[rest[0] // 2].end()
        elif channel % 2 == 0 and channel // 2 < len(inboxes):
            await inboxes[channel // 2].put(rest)


async def _forward(socket: web.WebSocketResponse, index: int, port: int, target: Target, inbox: Inbox) -> None:
    data, error = bytes([2 * index]), bytes([2 * index + 1])
    for channel in (data, error):
        await socket.send_bytes(channel + port.to_bytes(2, "little"))
    try:
        connection = await target.dial(port)
        await copy_both_ways(inbox, lambda chunk: socket.send_bytes(data + chunk), connection)
    except OSError as failure:
        await socket.send_bytes(error + target.refusal(port, failure).encode())
    if socket.ws_protocol == PROTOCOLS[0]:
        await socket.send_bytes(bytes([_CLOSE, data[0]]))

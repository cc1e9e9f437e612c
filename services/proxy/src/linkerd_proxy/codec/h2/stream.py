"""One stream: windows, queue, and which halves are closed. Its connection does the work."""

from collections import deque
from typing import Any

from linkerd_proxy.codec.headers import Headers


class H2Stream:
    """``user`` belongs to the owner. All other attributes are for reading.

    ``queued`` counts bytes of DATA that wait for a window; a source should pause while it is not 0.
    """

    __slots__ = (
        "answered",
        "born",
        "end_queued",
        "held",
        "id",
        "local_closed",
        "offset",
        "queue",
        "queued",
        "receive_window",
        "remaining",
        "remote_closed",
        "send_window",
        "sent",
        "trailers",
        "unacked",
        "user",
    )

    id: int
    user: Any

    def __init__(self, stream_id: int, user: Any, send_window: int, receive_window: int) -> None:
        self.id = stream_id
        self.user = user
        self.send_window = send_window
        self.receive_window = receive_window
        self.held = 0
        """Bytes of DATA given to the handler and not consumed yet."""
        self.unacked = 0
        """Consumed bytes that the peer has not been told of."""
        self.remaining = -1
        """What Content-Length still promises; -1 without it."""
        self.local_closed = False
        self.remote_closed = False
        self.answered = False
        """The final response head came."""
        self.sent: Headers | None = None
        """The first header list that we sent: the request on a client, (the beginning of) the response on a server."""
        self.queued = 0
        self.queue: deque[bytes] | None = None
        self.offset = 0
        """Bytes of the queue's first member that went out."""
        self.end_queued = False
        self.trailers: Headers | None = None
        self.born = 0
        """The number of the read that opened it."""

    @property
    def closed(self) -> bool:
        return self.local_closed and self.remote_closed

    def __repr__(self) -> str:
        return f"H2Stream({self.id}, local_closed={self.local_closed}, remote_closed={self.remote_closed})"

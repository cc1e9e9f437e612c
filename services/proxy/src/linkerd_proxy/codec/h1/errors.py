"""What makes a message unreadable, with the status to answer (RFC 9112)."""


class H1Error(Exception):
    """``status`` is for a server's answer: 400, 431, 501 or 505; a client's owner answers 502 whatever it says.

    ``version`` is the one to answer in: 1.0 where the client has said that it knows no other.
    """

    status: int
    version: bytes

    def __init__(self, message: str, status: int = 400, version: bytes = b"1.1") -> None:
        super().__init__(message)
        self.status = status
        self.version = version

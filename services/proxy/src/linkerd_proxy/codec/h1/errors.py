"""What makes a message unreadable, with the status to answer (RFC 9112)."""


class H1Error(Exception):
    """``status`` is for a server's answer: 400, 431, 501 or 505; a client's owner answers 502 whatever it says."""

    status: int

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status

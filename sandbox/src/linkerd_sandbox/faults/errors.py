"""What cannot be done, in one line for people."""


class FaultRefused(Exception):
    """The fault was not made; the message says why and what to do."""

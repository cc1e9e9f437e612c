"""What ends a command: one clear line for people, and the exit code."""


class CliError(Exception):
    """Printed as `Error: MESSAGE` on stderr; the command exits 1."""


class UsageError(CliError):
    """What was typed cannot be understood."""


def cause(error: Exception) -> str:
    """Of a file that cannot be read or written, without its name, which the message says already."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class NotImplementedYet(CliError):
    """A command or flag of Linkerd's that this version does not have. Never a pretended success."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: not implemented")

"""Regular expressions that users write, in RE2's syntax and linear time: peers choose the text that is matched.

The engine (google-re2) is loaded only when a document has an expression; without it an expression is refused, because
the standard library's engine takes exponential time on texts that an attacker may choose.
"""

from collections.abc import Callable
from functools import lru_cache


class BadRegex(ValueError):
    """The expression does not compile, or there is no engine for it."""


@lru_cache(maxsize=1024)
def compile_regex(pattern: str) -> Callable[[bytes], bool]:
    """Test whether the whole text matches. Raises BadRegex."""
    try:
        import re2
    except ImportError as error:
        raise BadRegex(f"{pattern!r}: regular expressions need the package google-re2, which is missing") from error
    options = re2.Options()
    options.log_errors = False
    # Wire text is bytes: Latin-1 takes every byte as it is.
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        compiled = re2.compile(pattern.encode(), options)
    except re2.error as error:
        # What RE2 says are bytes: a reason, a colon and the part of the pattern.
        reason = error.args[0] if error.args else b""
        told = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadRegex(f"{pattern!r} is not a regular expression: {told}") from error
    return lambda text: compiled.fullmatch(text) is not None

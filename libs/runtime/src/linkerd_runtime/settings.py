"""Settings from a mapping such as the environment: every bad value is found, and all are reported at once.

Standard library and contract only (the proxy imports it). Nothing here reads os.environ: `__main__` passes it in.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from linkerd_contract.durations import parse_duration_ms

T = TypeVar("T")

EXIT_BAD_SETTINGS = 64
"""EX_USAGE of sysexits(3): what Linkerd's proxy exits with on a bad environment."""

_TRUE = frozenset({"true", "1", "yes", "on", "enabled"})
_FALSE = frozenset({"false", "0", "no", "off", "disabled"})


class Addr(NamedTuple):
    """Where to listen or to connect to. An IPv6 host is held without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_addr(text: str) -> Addr:
    """An Addr of "host:port" or "[ipv6]:port"; port 0 is allowed (the kernel chooses). Raises ValueError."""
    host, colon, port = text.strip().rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: write IPv6 addresses in brackets, such as [::1]:8080")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address such as 0.0.0.0:8080")
    return Addr(host, int(port))


class BadSettings(Exception):
    """What `Reader.finish` raises: one message for each bad value."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


class Reader:
    """Reads named values; remembers what was wrong and goes on with the default.

    A default of None means that the value is required; what is then returned for a missing value is of no use,
    for `finish` raises. Empty text counts as not set, as Kubernetes manifests often leave it.
    """

    def __init__(self, mapping: Mapping[str, str]) -> None:
        self._mapping = mapping
        self.errors: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The value with surrounding white space removed."""
        return self._read(name, default, "", str.strip)

    def optional(self, name: str) -> str | None:
        """The value, or None where it is not set."""
        return self._mapping.get(name, "").strip() or None

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of a few words."""

        def convert(value: str) -> str:
            if value not in allowed:
                raise ValueError(f"{value!r} is not one of {', '.join(allowed)}")
            return value

        return self._read(name, default, default, convert)

    def integer(self, name: str, default: int | None = None, *, minimum: int = 0, maximum: int | None = None) -> int:
        """A whole number within bounds."""

        def convert(value: str) -> int:
            if not value.isascii() or not value.lstrip("-").isdecimal():
                raise ValueError(f"{value!r} is not a whole number")
            number = int(value)
            if number < minimum or (maximum is not None and number > maximum):
                upper = "" if maximum is None else f" and at most {maximum}"
                raise ValueError(f"{number} is out of range: at least {minimum}{upper}")
            return number

        return self._read(name, default, minimum, convert)

    def number(self, name: str, default: float | None = None) -> float:
        """A decimal number."""
        return self._read(name, default, 0.0, float)

    def duration_ms(self, name: str, default: int | None = None) -> int:
        """Milliseconds of "10s", "250ms" …"""
        return self._read(name, default, 0, parse_duration_ms)

    def port(self, name: str, default: int | None = None) -> int:
        """A port, 1 to 65535."""
        return self.integer(name, default, minimum=1, maximum=65535)

    def boolean(self, name: str, default: bool | None = None) -> bool:
        """true, 1, yes, on, enabled; false, 0, no, off, disabled; case does not matter."""

        def convert(value: str) -> bool:
            lowered = value.lower()
            if lowered in _TRUE:
                return True
            if lowered in _FALSE:
                return False
            raise ValueError(f"{value!r} is neither true nor false")

        return self._read(name, default, False, convert)

    def addr(self, name: str, default: str | None = None) -> Addr:
        """An Addr of "host:port"."""
        return self._read(name, None if default is None else parse_addr(default), Addr("", 0), parse_addr)

    def convert(self, name: str, default: T, convert: Callable[[str], T]) -> T:
        """Any other type: `convert` raises ValueError with a sentence for people."""
        return self._read(name, default, default, convert)

    def fail(self, name: str, message: str) -> None:
        """Remember a fault that needs more than one value to see."""
        self.errors.append(f"{name}: {message}")

    def finish(self) -> None:
        """Raise BadSettings if anything was wrong."""
        if self.errors:
            raise BadSettings(self.errors)

    def _read(self, name: str, default: T | None, missing: T, convert: Callable[[str], T]) -> T:
        value = self._mapping.get(name, "").strip()
        if not value:
            if default is None:
                self.errors.append(f"{name}: not set")
                return missing
            return default
        try:
            return convert(value)
        except ValueError as error:
            self.errors.append(f"{name}: {error}")
            return missing if default is None else default

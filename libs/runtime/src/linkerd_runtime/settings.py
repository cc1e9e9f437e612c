"""Reading settings from environment variables: every bad value is reported at once.

A reader takes a mapping (only `__main__` reads os.environ), hands out typed values, and collects what is wrong. The
value that it hands out for a bad variable is the default, so that reading goes on; `finish` then raises. An empty
variable counts as absent: a manifest cannot leave out a variable whose value it renders from a template.
"""

from collections.abc import Mapping
from enum import Enum
from ipaddress import ip_address
from typing import TypeVar

from linkerd_contract.durations import parse_duration_ms, parse_ports

EXIT_BAD_SETTINGS = 64
"""EX_USAGE of sysexits.h, as linkerd2-proxy exits on a bad environment."""

E = TypeVar("E", bound=Enum)


class BadSettings(ValueError):
    """All that is wrong, one message a variable."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("; ".join(messages))
        self.messages = messages


def parse_addr(text: str) -> tuple[str, int]:
    """Host and port of "10.0.0.1:80", "[::1]:80" or "name.:80". Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address such as 127.0.0.1:4140, [::1]:4140 or name:4140")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if ip_address(host).version != 6:
            raise ValueError(f"{text!r}: only an IPv6 address stands in brackets")
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, such as [::1]:4140")
    return host, int(port)


class Reader:
    """Typed values by variable name. A default of None means that the variable is required."""

    def __init__(self, mapping: Mapping[str, str], prefix: str = "") -> None:
        self._mapping = mapping
        self._prefix = prefix
        self.messages: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the variable is there and not empty."""
        return bool(self._mapping.get(self._prefix + name))

    def fail(self, name: str, why: object) -> None:
        """Record what is wrong with a variable."""
        self.messages.append(f"{self._prefix}{name}: {why}")

    def text(self, name: str, default: str | None = None) -> str:
        """The value as it is."""
        value = self._mapping.get(self._prefix + name)
        if value:
            return value
        if default is None:
            self.fail(name, "must be set")
            return ""
        return default

    def optional(self, name: str) -> str | None:
        """The value, or None."""
        return self._mapping.get(self._prefix + name) or None

    def duration_ms(self, name: str, default: int) -> int:
        """Milliseconds of a Linkerd duration ("10s")."""
        value = self.optional(name)
        if value is None:
            return default
        try:
            return parse_duration_ms(value)
        except ValueError as error:
            self.fail(name, error)
            return default

    def integer(self, name: str, default: int, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
        """A whole number within bounds, both included."""
        value = self.optional(name)
        if value is None:
            return default
        if not value.isdecimal() or not minimum <= int(value) <= maximum:
            bound = f" from {minimum} to {maximum}" if maximum < 2**63 - 1 else f" of at least {minimum}"
            self.fail(name, f"{value!r} is not a whole number{bound}")
            return default
        return int(value)

    def port(self, name: str, default: int) -> int:
        """A port."""
        return self.integer(name, default, 1, 65535)

    def ports(self, name: str, default: str = "") -> list[tuple[int, int]]:
        """A set of ports as ranges, both ends included ("80,8000-8100")."""
        try:
            return parse_ports(self.text(name, default))
        except ValueError as error:
            self.fail(name, error)
            return parse_ports(default)

    def number(self, name: str, default: float, minimum: float = 0.0) -> float:
        """A number of at least `minimum`."""
        value = self.optional(name)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not minimum <= number < float("inf"):
            self.fail(name, f"{value!r} is not a number of at least {minimum:g}")
            return default
        return number

    def boolean(self, name: str, default: bool) -> bool:
        """true or false, in any case, as Go's and Rust's parsers take them."""
        value = self.optional(name)
        if value is None:
            return default
        match value.strip().lower():
            case "true" | "1":
                return True
            case "false" | "0":
                return False
        self.fail(name, f"{value!r} is neither true nor false")
        return default

    def addr(self, name: str, default: str | None = None) -> tuple[str, int]:
        """Host (a name or an IP address without brackets) and port."""
        value = self.text(name, default)
        if not value:
            return "", 0
        try:
            return parse_addr(value)
        except ValueError as error:
            self.fail(name, error)
            return parse_addr(default) if default else ("", 0)

    def choice(self, name: str, default: E) -> E:
        """A member of an enum, by its value."""
        value = self.optional(name)
        if value is None:
            return default
        for member in type(default):
            if member.value == value:
                return member
        names = ", ".join(str(member.value) for member in type(default))
        self.fail(name, f"{value!r} is not one of {names}")
        return default

    def finish(self) -> None:
        """Raises BadSettings when anything was wrong."""
        if self.messages:
            raise BadSettings(self.messages)

"""How figures stand in tables: as Linkerd prints them, "-" for what was not measured. PURE."""


def percent(share: float | None) -> str:
    """A share of 0-1."""
    return "-" if share is None else f"{share * 100:.2f}%"


def rps(rate: float | None) -> str:
    """Requests a second."""
    return "-" if rate is None else f"{rate:.1f}rps"


def milliseconds(value: float | None) -> str:
    """A latency."""
    return "-" if value is None else f"{value:.0f}ms"


def byte_rate(rate: float | None) -> str:
    """Bytes a second."""
    return "-" if rate is None else f"{rate:.1f}B/s"


def whole(value: float | None) -> int | None:
    """A latency as Linkerd's JSON has it."""
    return None if value is None else round(value)


def bare_rate(rate: float | None) -> str:
    """Requests a second, as stat-inbound and stat-outbound print them."""
    return "-" if rate is None else f"{rate:.2f}"

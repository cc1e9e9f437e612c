"""Original destinations where there is no iptables: for tests and benches, which run pairs of proxies on loopback.

LINKERD2_PROXY_INBOUND_ORIGINAL_DST and LINKERD2_PROXY_OUTBOUND_ORIGINAL_DST ("ip:port"): every connection accepted by
that listener is taken to have been going there. The guards against loops through loopback do not apply then.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from linkerd_proxy.settings import PREFIX
from linkerd_runtime.settings import Addr, BadSettings, parse_addr

INBOUND = PREFIX + "INBOUND_ORIGINAL_DST"
OUTBOUND = PREFIX + "OUTBOUND_ORIGINAL_DST"


@dataclass(frozen=True, slots=True)
class Overrides:
    """None: ask the kernel."""

    inbound: Addr | None = None
    outbound: Addr | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Overrides":
        """Read both variables. Raises BadSettings."""
        found: dict[str, Addr | None] = {}
        errors = []
        for name in (INBOUND, OUTBOUND):
            text = env.get(name, "").strip()
            try:
                found[name] = parse_addr(text) if text else None
            except ValueError as error:
                errors.append(f"{name}: {error}")
        if errors:
            raise BadSettings(errors)
        return cls(found[INBOUND], found[OUTBOUND])

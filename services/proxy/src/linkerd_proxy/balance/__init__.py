"""Which endpoint gets the next request: PURE, so that whole scenarios replay from a seed.

Rules: no clock and no randomness of its own. `now` is monotonic seconds; round-trip times are milliseconds, as
Linkerd's settings are; `rng` gives uniform floats in [0, 1). Nothing here blocks or calls back: a method that makes
work for the caller (a connection to drain) returns it.
"""

from linkerd_proxy.balance.breaker import Breaker, Gate
from linkerd_proxy.balance.endpoints import EndpointState
from linkerd_proxy.balance.ewma import PeakEwma, penalty_ms
from linkerd_proxy.balance.failfast import FailFast
from linkerd_proxy.balance.p2c import P2C

__all__ = ["P2C", "Breaker", "EndpointState", "FailFast", "Gate", "PeakEwma", "penalty_ms"]

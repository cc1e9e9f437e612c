"""What every connection of the data path shares: one per event loop."""

import asyncio
from collections.abc import Callable
from random import random

from linkerd_proxy.http.watch import Hooks
from linkerd_proxy.telemetry.decisions import Decisions
from linkerd_proxy.telemetry.metrics import Metrics
from linkerd_proxy.transport.tasks import Tasks
from linkerd_proxy.transport.tls import TlsContexts
from linkerd_proxy.transport.turn import Turn
from linkerd_proxy.transport.wheel import Wheel


class Runtime:
    """The loop's turn, timers and tasks; the metrics; the certificate in force."""

    def __init__(self, loop: asyncio.AbstractEventLoop, metrics: Metrics, decisions: Decisions | None = None) -> None:
        self.loop = loop
        self.turn = Turn(loop)
        self.wheel = Wheel(loop)
        self.tasks = Tasks(loop)
        self.tls = TlsContexts()
        self.metrics = metrics
        self.hooks = Hooks()
        self.decisions = decisions if decisions is not None else Decisions()
        self.rng: Callable[[], float] = random
        self.route_hostname: Callable[[bytes], str] | None = None
        """Makes the label hostname of outbound routes of a request's authority; None: there is none (the default)."""

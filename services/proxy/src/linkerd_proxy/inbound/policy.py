"""The workload's own policy in force: the default one until discovery has said more, then the last one known."""

import logging
from collections.abc import Callable

from linkerd_contract.inbound import InboundDocument
from linkerd_contract.watch import WatchError
from linkerd_rules.policy import InboundPolicy

log = logging.getLogger(__name__)


class PolicyHolder:
    """One per proxy. `current` is replaced whole at every change."""

    def __init__(self, default: InboundDocument) -> None:
        """`default` is what holds until discovery has spoken."""
        self.current = InboundPolicy(default)
        self._listeners: set[Callable[[], None]] = set()

    def on_update(self, update: InboundPolicy | WatchError) -> None:
        """Discovery has said something."""
        if isinstance(update, WatchError):
            log.warning("inbound policy: %s %s", update.code.value, update.message)
            return
        self.current = update
        for listener in list(self._listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` at every change: for connections whose right to be is checked again."""
        self._listeners.add(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        """No more."""
        self._listeners.discard(listener)

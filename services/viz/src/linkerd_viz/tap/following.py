"""Which pods join a tap that runs, and when it is over: a tap of a workload outlives its pods. PURE."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from linkerd_contract.viz import TapQuery
from linkerd_viz.inventory import Inventory, Pod
from linkerd_viz.tap.targets import MAX_PODS, NoTarget, targets

LOOK_SECONDS = 2.0
MOST_TRIES = 15
"""Of a pod whose proxy does not answer yet: half a minute."""
WAIT_SECONDS = 30.0
"""For pods in the place of those that are gone (strategy Recreate, a drained node)."""


class Streams(Protocol):
    """What following needs to know of the fan-out; pods by "namespace/name"."""

    @property
    def tries(self) -> Mapping[str, int]: ...

    @property
    def opened(self) -> Set[str]: ...

    @property
    def busy(self) -> Set[str]: ...


@dataclass(frozen=True, slots=True)
class Look:
    """Pods to ask now, of how many that are there in all; `over`: nothing more will come."""

    join: list[Pod]
    pods: int
    over: bool


class Following:
    """One tap. `inventory` and `clock` (seconds) are asked at every look."""

    def __init__(self, query: TapQuery, inventory: Callable[[], Inventory], clock: Callable[[], float]) -> None:
        self._query = query
        self._inventory = inventory
        self._clock = clock
        self._silent_since: float | None = None

    def look(self, streams: Streams) -> Look:
        """What to do now."""
        try:
            found = targets(self._inventory(), self._query).pods
        except NoTarget:
            found = []
        new = [pod for pod in found if _wanted(key_of(pod), streams)][: max(0, MAX_PODS - len(streams.busy))]
        if new or streams.busy:
            self._silent_since = None
            return Look(new, len(found), False)
        return Look([], len(found), self._nothing_follows(found))

    def _nothing_follows(self, found: list[Pod]) -> bool:
        """No stream goes on, and nobody can be asked. Pods that are gone may be replaced by others of the workload."""
        if found or (self._query.kind == "pod" and self._query.name):
            return True
        if self._silent_since is None:
            self._silent_since = self._clock()
        return self._clock() - self._silent_since >= WAIT_SECONDS


def key_of(pod: Pod) -> str:
    """ "namespace/name"."""
    return "/".join(pod.metadata.key)


def _wanted(pod: str, streams: Streams) -> bool:
    return pod not in streams.opened and pod not in streams.busy and streams.tries.get(pod, 0) < MOST_TRIES

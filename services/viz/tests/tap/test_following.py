"""Taps outlive the pods that they began with."""

from dataclasses import dataclass, field

from services.viz.tests.tap.test_targets import tappable

from linkerd_contract.viz import TapQuery
from linkerd_viz.inventory import Inventory
from linkerd_viz.tap.following import MOST_TRIES, WAIT_SECONDS, Following, Look
from linkerd_viz.tap.targets import MAX_PODS


@dataclass
class Streams:
    tries: dict[str, int] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)


class World:
    """A tap of all pods, or of one."""

    def __init__(self, name: str = "") -> None:
        self.names = ["a"]
        self.now = 0.0
        self.streams = Streams({"emojivoto/a": 1}, {"emojivoto/a"}, {"emojivoto/a"})
        query = TapQuery("pod", "emojivoto", name)
        self.following = Following(query, lambda: Inventory([tappable(n) for n in self.names]), lambda: self.now)

    def look(self) -> tuple[list[str], int, bool]:
        """Who is to join, how many pods there are, whether it is over."""
        look: Look = self.following.look(self.streams)
        return [pod.metadata.name for pod in look.join], look.pods, look.over


def test_a_rollout() -> None:
    world = World()
    assert world.look() == ([], 1, False)
    world.names = ["a", "b"]
    assert world.look() == (["b"], 2, False)
    world.streams.busy = {"emojivoto/b"}
    world.streams.opened.add("emojivoto/b")
    world.names = ["b"]
    assert world.look() == ([], 1, False)


def test_pods_that_are_replaced_after_a_while() -> None:
    world = World()
    world.names, world.streams.busy = [], set()
    assert world.look() == ([], 0, False)
    world.now += WAIT_SECONDS - 1
    assert world.look() == ([], 0, False)
    world.names = ["b"]
    assert world.look() == (["b"], 1, False)
    # That wait is over: the next one counts anew.
    world.names, world.now = [], world.now + WAIT_SECONDS
    assert world.look() == ([], 0, False)
    world.now += WAIT_SECONDS
    assert world.look() == ([], 0, True)


def test_one_pod_is_not_replaced() -> None:
    world = World("a")
    world.names, world.streams.busy = [], set()
    assert world.look() == ([], 0, True)


def test_a_stream_that_ends_although_its_pod_is_there_is_the_end() -> None:
    world = World()
    world.streams.busy = set()
    assert world.look() == ([], 1, True)


def test_a_proxy_that_does_not_answer_yet_is_asked_again_so_often() -> None:
    world = World()
    world.names = ["a", "b"]
    world.streams.tries["emojivoto/b"] = MOST_TRIES - 1
    assert world.look() == (["b"], 2, False)
    world.streams.tries["emojivoto/b"] = MOST_TRIES
    assert world.look() == ([], 2, False)


def test_not_more_than_so_many_at_a_time() -> None:
    world = World()
    world.names = [f"p{number:03}" for number in range(MAX_PODS + 5)]
    assert len(world.look()[0]) == MAX_PODS - 1

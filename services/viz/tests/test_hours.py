"""Hours of a mesh whose pods come and go, by a clock of the test's: what is kept stays as large as it was."""

import gc
import sys
from collections.abc import Iterator

import pytest
from services.viz.tests.mesh import Clock, named, pod, replica_set, scrape

from linkerd_viz.embedded import Embedded
from linkerd_viz.inventory import Inventory
from linkerd_viz.measurements import Series
from linkerd_viz.query import Named, Query
from linkerd_viz.rollups import Rollups
from linkerd_viz.stat import stat
from linkerd_viz.store import Store

HOUR = 3600.0
MINUTE = 60.0
NAMES = ("web", "emoji", "voting", "cart", "mail")
LIFE = 7
"""Minutes until every pod of a Deployment is replaced."""


class Mesh:
    """Deployments of two pods that call the two of the next one, a request a second each; one rollout after another."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store, self.rollups = Store(600), Rollups(6 * HOUR)
        self.minute = 0
        self.embedded = Embedded(self.store, self.rollups, self.inventory, self.clock)

    def generation(self, name: str) -> int:
        """Which of its rollouts a Deployment is at."""
        return (self.minute + NAMES.index(name)) // LIFE

    def pods(self) -> Iterator[tuple[str, str, int]]:
        """(Deployment, name, generation) of all that run."""
        for name in NAMES:
            for letter in "ab":
                generation = self.generation(name)
                yield name, f"{name}-{generation}-{letter}", generation

    def inventory(self) -> Inventory:
        """What runs now."""
        return Inventory(
            pods=[pod(key, replica_set=f"{name}-{generation}") for name, key, generation in self.pods()],
            replica_sets=[replica_set(f"{name}-{self.generation(name)}", name) for name in NAMES],
            namespaces=[named("emojivoto", "")],
            workloads={"deployment": [named(name) for name in NAMES]},
        )

    def page(self, name: str, generation: int) -> str:
        """What its proxy shows: requests since it began, by it and to every pod that it has called."""
        began = generation * LIFE - NAMES.index(name)
        count = round((self.minute - began) * MINUTE)
        lines = [f'response_total{{direction="inbound",classification="success",tls="true"}} {count}']
        lines += [
            f'response_latency_ms_bucket{{direction="inbound",tls="true",le="{le}"}} {count}'
            for le in ("1", "10", "+Inf")
        ]
        called = NAMES[(NAMES.index(name) + 1) % len(NAMES)]
        now = self.generation(called)
        for other in (now - 1, now):
            for letter in "ab":
                labels = (
                    f'direction="outbound",tls="true",authority="{called}:80",dst_namespace="emojivoto",'
                    f'dst_service="{called}",dst_deployment="{called}",dst_pod="{called}-{other}-{letter}"'
                )
                lines.append(f'response_total{{{labels},classification="success"}} {count // 2 if other == now else 0}')
        return "\n".join(lines) + "\n"

    async def run(self, minutes: int) -> None:
        """A scrape of every pod and a roll-up, minute by minute."""
        for _ in range(minutes):
            self.minute += 1
            self.clock.now = self.minute * MINUTE
            self.store.forget_all_but({("emojivoto", key) for _, key, _ in self.pods()})
            for name, key, generation in self.pods():
                scrape(self.store, ("emojivoto", key), self.clock.now, self.page(name, generation))
            await self.embedded.roll()


def _bytes(*roots: object) -> int:
    """Of everything that can be reached from there, code left out."""
    seen: set[int] = set()
    waiting, total = list(roots), 0
    while waiting:
        found = waiting.pop()
        if id(found) in seen or isinstance(found, type) or callable(found):
            continue
        seen.add(id(found))
        total += sys.getsizeof(found)
        waiting += (found.family, found.labels) if isinstance(found, Series) else gc.get_referents(found)
    return total


async def test_memory_stays_while_pods_come_and_go() -> None:
    mesh = Mesh()
    await mesh.run(30)
    minutes = _bytes(mesh.store)
    await mesh.run(7 * 60)
    hours = _bytes(mesh.rollups)
    # By then another 120 rollouts of every Deployment.
    await mesh.run(14 * 60)
    # Up to 256 series of pods that are gone wait to be dropped.
    assert _bytes(mesh.store) < minutes + 300_000
    assert _bytes(mesh.rollups) < 1.1 * hours


async def test_six_hours_of_pods_that_lived_for_minutes_are_the_deployments() -> None:
    mesh = Mesh()
    await mesh.run(6 * 60 + 10)
    response = await stat(mesh.embedded, mesh.inventory(), Query(Named("deployment"), 6 * HOUR))
    assert [row.name for row in response.rows] == sorted(NAMES)
    # A pod's first scrape is where counting begins: the minute of its start is nobody's.
    expected = 2.0 * (LIFE - 1) / LIFE
    assert [row.rps for row in response.rows] == [pytest.approx(expected, rel=0.03)] * len(NAMES)
    assert [[d.name for d in row.dependencies] for row in response.rows] == [
        [NAMES[(NAMES.index(row.name) + 1) % len(NAMES)]] for row in response.rows
    ]

"""Samples and figures of `kubectl top`; the whole of it is in test_developer."""

import asyncio

from linkerd_sandbox.kubelet.metrics import Sample, Sampler, container_usage, registration, resource_list
from linkerd_sandbox.kubelet.usage import Sum


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0

    def read(self) -> dict[str, Sum]:
        self.reads += 1
        return {"pid:[1]": Sum(self.now / 2, 1 << 20)}

    def sleep(self, seconds: float) -> "asyncio.Future[None]":
        self.now += seconds
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_the_first_question_takes_a_second_and_later_ones_compare_with_it() -> None:
    clock = Clock()
    sampler = Sampler(clock.read, clock.sleep)
    before, after = await sampler.pair(lambda: clock.now)
    assert (before.at, after.at) == (100.0, 101.0)
    assert container_usage("pid:[1]", before, after) == {"cpu": "500000000n", "memory": "1024Ki"}
    assert await sampler.pair(lambda: clock.now) == (before, after), "asked again at once: measured once"
    clock.now += 20
    again = await sampler.pair(lambda: clock.now)
    assert (again[0].at, again[1].at, clock.reads) == (101.0, 121.0, 3)
    clock.now += 100
    late = await sampler.pair(lambda: clock.now)
    assert late[1].at - late[0].at == 1.0, "a sample of long ago says nothing about now"


def test_a_container_that_has_just_started_or_ended() -> None:
    before, after = Sample(0, {"old": Sum(5, 1)}), Sample(2, {"new": Sum(1, 2048)})
    assert container_usage("new", before, after) == {"cpu": "500000000n", "memory": "2Ki"}
    assert container_usage("old", before, after) == {"cpu": "0n", "memory": "0Ki"}


def test_registration_leads_to_the_server() -> None:
    bodies = [body for _, body in registration("10.42.0.1", "PEM")]
    assert [body["kind"] for body in bodies] == ["Service", "EndpointSlice", "Endpoints", "APIService"]
    assert bodies[1]["endpoints"][0]["addresses"] == ["10.42.0.1"]
    assert bodies[2]["subsets"][0]["addresses"] == [{"ip": "10.42.0.1"}]
    assert resource_list()["groupVersion"] == "metrics.k8s.io/v1beta1"

"""Two candidates for one Lease."""

import asyncio

import pytest
from libs.kube.tests.fake_api import FakeApi, Obj, until

from linkerd_kube import KubeClient, Leader

LEASES = "/apis/coordination.k8s.io/v1/leases"


def leader(client: KubeClient, identity: str, lease_seconds: float = 6.0) -> Leader:
    """Gives up after four seconds: who has to be seen leading must not, where the machine stands still for a moment."""
    return Leader(client, "linkerd", "issuer", identity, lease_seconds=lease_seconds)


def lease(api: FakeApi) -> Obj:
    spec: Obj = api.objects[LEASES][("linkerd", "issuer")]["spec"]
    return spec


async def test_one_at_a_time_and_handed_over_on_leaving(api: FakeApi, client: KubeClient) -> None:
    order: list[str] = []

    async def stand(name: str) -> None:
        async with leader(client, name):
            order.append(f"+{name}")
            await asyncio.sleep(0.3)
            assert lease(api)["holderIdentity"] == name
            order.append(f"-{name}")

    await asyncio.gather(stand("a"), stand("b"))
    assert order in (["+a", "-a", "+b", "-b"], ["+b", "-b", "+a", "-a"])
    assert lease(api)["holderIdentity"] == ""
    assert lease(api)["leaseTransitions"] == 1


async def test_it_is_renewed(api: FakeApi, client: KubeClient) -> None:
    async with leader(client, "a") as held:
        first = lease(api)["renewTime"]
        await until(lambda: lease(api)["renewTime"] != first)
        assert not held.lost.is_set()


async def test_a_leader_that_cannot_renew_stops(api: FakeApi, client: KubeClient) -> None:
    cancelled: list[bool] = []

    async def work() -> None:
        if cancelled:
            return
        api.fail = [500] * 100
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            api.fail = []
            raise

    await asyncio.wait_for(leader(client, "a", 1.0).run(work), 30)
    assert cancelled == [True]


async def test_a_lease_taken_by_another_is_noticed(api: FakeApi, client: KubeClient) -> None:
    async with leader(client, "a") as held:
        taken = {**lease(api), "holderIdentity": "b", "leaseDurationSeconds": 15}
        api.put(LEASES, {"metadata": {"name": "issuer", "namespace": "linkerd"}, "spec": taken})
        await asyncio.wait_for(held.lost.wait(), 30)
    assert lease(api)["holderIdentity"] == "b"


async def test_the_callbacks_error_comes_out(api: FakeApi, client: KubeClient) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await leader(client, "a").run(work)
    assert lease(api)["holderIdentity"] == ""


async def test_once_under_the_lease(api: FakeApi, client: KubeClient) -> None:
    done: list[str] = []

    async def work() -> None:
        done.append(lease(api)["holderIdentity"])

    await leader(client, "a").once(work, asyncio.Event().wait())
    assert done == ["a"]
    assert lease(api)["holderIdentity"] == ""


async def test_once_is_given_up_where_somebody_else_was_faster(api: FakeApi, client: KubeClient) -> None:
    unwanted = asyncio.Event()

    async def work() -> None:
        raise AssertionError("it is not ours")

    async with leader(client, "other"):
        trying = asyncio.ensure_future(leader(client, "a").once(work, unwanted.wait()))
        await asyncio.sleep(0)
        unwanted.set()
        await asyncio.wait_for(trying, 30)
        assert lease(api)["holderIdentity"] == "other"


async def test_work_that_has_begun_is_not_cut_short(api: FakeApi, client: KubeClient) -> None:
    unwanted, begun, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        done.set()

    trying = asyncio.ensure_future(leader(client, "a").once(work, unwanted.wait()))
    await asyncio.wait_for(begun.wait(), 30)
    unwanted.set()
    await asyncio.wait_for(trying, 30)
    assert done.is_set()


async def test_failures_of_both_come_out(api: FakeApi, client: KubeClient) -> None:
    async def fail() -> None:
        raise ValueError("mine")

    async def others() -> None:
        raise KeyError("theirs")

    with pytest.raises(ValueError, match="mine"):
        await leader(client, "a").once(fail, asyncio.Event().wait())
    async with leader(client, "other"):
        with pytest.raises(KeyError, match="theirs"):
            await leader(client, "a").once(fail, others())

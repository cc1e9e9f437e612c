"""Taps of several proxies at once, over real mTLS."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from services.viz.tests.tap.world import WEB, event, fake_proxy, mesh_client

from linkerd_contract import codec
from linkerd_contract.tap import TapEvent, TapMatch, TapRequest
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import free_port
from linkerd_viz.tap.fanout import MAX_EVENTS, MAX_LINE, Fanout, Merged, Proxy, tapping

ASK = TapRequest(limit=5, match=TapMatch(path="/x"))


@asynccontextmanager
async def tapped(proxies: list[Proxy], context: ssl.SSLContext) -> AsyncIterator[Fanout]:
    async with tapping(context) as fanout:
        fanout.follow(proxies, ASK)
        yield fanout


async def everything(fanout: Fanout) -> list[TapEvent]:
    found: list[TapEvent] = []
    while not fanout.events.ended:
        found += await fanout.events.take(5)
    return found


async def test_two_proxies_have_ids_of_their_own(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path / "a") as one, fake_proxy(authority, tmp_path / "b") as two:
        two.lines = [codec.encode(event(1)), b"", codec.encode(event(2))]
        proxies = [Proxy("a", "127.0.0.1", one.port, WEB), Proxy("b", "127.0.0.1", two.port, WEB)]
        async with tapped(proxies, mesh_client(authority, tmp_path)) as fanout:
            found = await everything(fanout)
        assert sorted((e.base, e.stream) for e in found) == [(1, 0), (2, 0), (2, 1)]
        assert one.asked == two.asked == [ASK]


async def test_a_proxy_that_is_somebody_else_gets_no_question(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path) as proxy:
        other = Proxy("a", "127.0.0.1", proxy.port, "other.emojivoto.serviceaccount.identity.linkerd.cluster.local")
        async with tapped([other], mesh_client(authority, tmp_path)) as fanout:
            await fanout.events.answered.wait()
            assert await everything(fanout) == []
        assert len(fanout.events.failures) == 1
        assert fanout.events.failures[0].startswith("a: ")
        assert "certificate" in fanout.events.failures[0].lower()
        assert proxy.asked == []


async def test_failures_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path / "a") as good, fake_proxy(authority, tmp_path / "b") as full:
        full.status = 429
        ports = {"good": good.port, "full": full.port, "away": free_port()}
        proxies = [Proxy(name, "127.0.0.1", port, WEB) for name, port in ports.items()]
        async with tapped(proxies, mesh_client(authority, tmp_path)) as fanout:
            await fanout.events.answered.wait()
            assert len(await everything(fanout)) == 1
        assert sorted(f.split(":")[0] for f in fanout.events.failures) == ["away", "full"]
        assert "full: refuses with 429: full" in fanout.events.failures


async def test_bad_lines_end_that_stream(tmp_path: Path) -> None:
    authority = Authority()
    for line, told in ((b"{]", "a: "), (b"x" * (MAX_LINE + 70_000), "a: ")):
        async with fake_proxy(authority, tmp_path) as proxy:
            proxy.lines = [line]
            proxies = [Proxy("a", "127.0.0.1", proxy.port, WEB)]
            async with tapped(proxies, mesh_client(authority, tmp_path)) as fanout:
                assert await everything(fanout) == []
            assert fanout.events.failures[0].startswith(told)


async def test_what_a_slow_reader_loses_is_counted() -> None:
    merged = Merged()
    merged.join()
    for number in range(MAX_EVENTS + 3):
        merged.put(1, event(number))
    assert len(await merged.take(0)) == MAX_EVENTS
    merged.put(1, msgspec.structs.replace(event(), dropped=4))
    assert [e.dropped for e in await merged.take(0)] == [7]


async def test_proxies_that_join_later_have_places_of_their_own(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path / "a") as one, fake_proxy(authority, tmp_path / "b") as two:
        async with tapped([Proxy("a", "127.0.0.1", one.port, WEB)], mesh_client(authority, tmp_path)) as fanout:
            found = await everything(fanout)
            fanout.follow([Proxy("b", "127.0.0.1", two.port, WEB)], ASK)
            found += await everything(fanout)
        assert [(e.base, e.stream) for e in found] == [(1, 0), (2, 0)]
        assert fanout.opened == {"a", "b"}
        assert fanout.busy == set()


async def test_who_does_not_answer_can_be_asked_again(tmp_path: Path) -> None:
    authority = Authority()
    async with tapping(mesh_client(authority, tmp_path)) as fanout:
        for _ in range(2):
            fanout.follow([Proxy("a", "127.0.0.1", free_port(), WEB)], ASK)
            await fanout.events.answered.wait()
        assert (fanout.tries, fanout.opened, fanout.busy) == ({"a": 2}, set(), set())

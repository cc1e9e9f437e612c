"""Taps of several proxies at once, over real mTLS."""

from pathlib import Path

import msgspec
from services.viz.tests.tap.world import WEB, event, fake_proxy, mesh_client

from linkerd_contract import codec
from linkerd_contract.tap import TapEvent, TapMatch, TapRequest
from linkerd_testkit.certs import Authority
from linkerd_testkit.ports import free_port
from linkerd_viz.tap.fanout import MAX_EVENTS, MAX_LINE, Merged, Proxy, tapping

ASK = TapRequest(limit=5, match=TapMatch(path="/x"))


async def everything(merged: Merged) -> list[TapEvent]:
    found: list[TapEvent] = []
    while not merged.ended:
        found += await merged.take(5)
    return found


async def test_two_proxies_have_ids_of_their_own(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path / "a") as one, fake_proxy(authority, tmp_path / "b") as two:
        two.lines = [codec.encode(event(1)), b"", codec.encode(event(2))]
        proxies = [Proxy("a", "127.0.0.1", one.port, WEB), Proxy("b", "127.0.0.1", two.port, WEB)]
        async with tapping(proxies, ASK, mesh_client(authority, tmp_path)) as merged:
            found = await everything(merged)
        assert sorted((e.base, e.stream) for e in found) == [(1, 0), (2, 0), (2, 1)]
        assert one.asked == two.asked == [ASK]


async def test_a_proxy_that_is_somebody_else_gets_no_question(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path) as proxy:
        other = Proxy("a", "127.0.0.1", proxy.port, "other.emojivoto.serviceaccount.identity.linkerd.cluster.local")
        async with tapping([other], ASK, mesh_client(authority, tmp_path)) as merged:
            await merged.answered.wait()
            assert await everything(merged) == []
        assert len(merged.failures) == 1
        assert merged.failures[0].startswith("a: ")
        assert "certificate" in merged.failures[0].lower()
        assert proxy.asked == []


async def test_failures_are_named_and_the_others_go_on(tmp_path: Path) -> None:
    authority = Authority()
    async with fake_proxy(authority, tmp_path / "a") as good, fake_proxy(authority, tmp_path / "b") as full:
        full.status = 429
        ports = {"good": good.port, "full": full.port, "away": free_port()}
        proxies = [Proxy(name, "127.0.0.1", port, WEB) for name, port in ports.items()]
        async with tapping(proxies, ASK, mesh_client(authority, tmp_path)) as merged:
            await merged.answered.wait()
            assert len(await everything(merged)) == 1
        assert sorted(f.split(":")[0] for f in merged.failures) == ["away", "full"]
        assert "full: refuses with 429: full" in merged.failures


async def test_bad_lines_end_that_stream(tmp_path: Path) -> None:
    authority = Authority()
    for line, told in ((b"{]", "a: "), (b"x" * (MAX_LINE + 70_000), "a: ")):
        async with fake_proxy(authority, tmp_path) as proxy:
            proxy.lines = [line]
            async with tapping(
                [Proxy("a", "127.0.0.1", proxy.port, WEB)], ASK, mesh_client(authority, tmp_path)
            ) as merged:
                assert await everything(merged) == []
            assert merged.failures[0].startswith(told)


async def test_what_a_slow_reader_loses_is_counted() -> None:
    merged = Merged(1)
    for number in range(MAX_EVENTS + 3):
        merged.put(1, event(number))
    assert len(await merged.take(0)) == MAX_EVENTS
    merged.put(1, msgspec.structs.replace(event(), dropped=4))
    assert [e.dropped for e in await merged.take(0)] == [7]

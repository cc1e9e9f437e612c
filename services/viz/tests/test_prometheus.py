"""The same answers from a Prometheus as from the embedded store, and what is said when it is away.

A real Prometheus is given what it would have scraped as an OpenMetrics file, and asked over its API.
"""

import asyncio
import random
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from services.viz.tests.mesh import Clock, about, emojivoto, measured, scrape
from services.viz.tests.test_api import policy_page
from services.viz.tests.test_edges import TO_EMOJI
from services.viz.tests.test_stat import EMOJI, WEB, calls, page, split

from linkerd_testkit.ports import free_port
from linkerd_testkit.prometheus import MISSING, prometheus
from linkerd_viz.authz import authz
from linkerd_viz.edges import edges
from linkerd_viz.families import Want
from linkerd_viz.graph import graph
from linkerd_viz.history import history
from linkerd_viz.measurements import Measurements, Unavailable, Window
from linkerd_viz.prometheus import Prometheus, promql
from linkerd_viz.query import Named, Query
from linkerd_viz.routes import routes
from linkerd_viz.stat import stat
from linkerd_viz.stat_inbound import stat_inbound
from linkerd_viz.stat_outbound import stat_outbound
from linkerd_viz.store import Store

CONFIGURATION = "scrape_configs: []\n"
# Counters far from zero: Prometheus does not extrapolate below it.
BASE = 100_000
STEPS = 12


def web_page(step: int) -> str:
    """What web's proxy shows, two requests a second."""
    count = BASE + step * 20
    to_emoji = f'tcp_open_connections{{{TO_EMOJI},peer="dst"}} 1\nresponse_total{{{TO_EMOJI}}} {count}\n'
    return page(count * 9 // 10, count // 10, count // 2, count // 2) + policy_page(count) + to_emoji


def emoji_page(step: int) -> str:
    """What emoji's shows."""
    return calls(BASE + step * 40) + calls(BASE + step * 10, service="web-v2") + "proxy_build_info 1\n"


def open_metrics(start: float) -> str:
    """Both, with the labels that a scrape sets, as one file."""
    families: dict[str, list[str]] = {}
    for (namespace, pod), at in ((WEB, web_page), (EMOJI, emoji_page)):
        for step in range(STEPS):
            for line in (at(step) + "proxy_build_info 1\n").splitlines():
                match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
                if match is None:
                    continue
                labels = ",".join(filter(None, [match[2], f'namespace="{namespace}",pod="{pod}"']))
                sample = f"{match[1]}{{{labels}}} {match[3]} {start + step * 10:.3f}"
                families.setdefault(match[1], []).append(sample)
    lines = [line for name, samples in families.items() for line in (f"# TYPE {name} unknown", *dict.fromkeys(samples))]
    return "\n".join([*lines, "# EOF", ""])


@asynccontextmanager
async def filled(directory: Path, metrics: str) -> AsyncIterator[str]:
    """The URL of one that has these samples."""
    (directory / "metrics").write_text(metrics)
    (directory / "prometheus.yml").write_text(CONFIGURATION)
    data = directory / "data"
    blocks = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(directory / "metrics"), str(data)]
    await asyncio.to_thread(subprocess.run, blocks, check=True, capture_output=True)
    async with prometheus(directory / "prometheus.yml", data) as url:
        yield url


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
async def test_the_same_answers(tmp_path: Path) -> None:
    start = time.time() // 10 * 10 - 600
    now = start + (STEPS - 1) * 10 + 5
    store = Store(600)
    for step in range(STEPS):
        scrape(store, WEB, start + step * 10, web_page(step))
        scrape(store, EMOJI, start + step * 10, emoji_page(step))
    ours, mesh = measured(store, now), split(80, 20, 0)
    async with filled(tmp_path, open_metrics(start)) as url, aiohttp.ClientSession() as session:
        theirs = Prometheus(session, url, Clock(now))
        queries = [about(kind) for kind in ("deployment", "pod", "namespace", "service", "authority", "trafficsplit")]
        queries += [
            Query(Named("deployment"), destination=Named("service", None, "web-v2")),
            Query(Named("deployment"), source=Named("deployment", None, "emoji")),
        ]
        for query in queries:
            mine, other = await stat(ours, mesh, query), await stat(theirs, mesh, query)
            assert any(row.rps for row in mine.rows), query
            for one, two in zip(mine.rows, other.rows, strict=True):
                for field in one.__struct_fields__:
                    expected = getattr(one, field)
                    if isinstance(expected, float):
                        expected = pytest.approx(expected, rel=1e-6)
                    assert getattr(two, field) == expected, (query, one.name, field)

        async def documents(measurements: Measurements) -> list[object]:
            return [
                await edges(measurements, mesh, about()),
                [
                    (r.src, r.dst, r.server_id, r.rps)
                    for r in (await graph(measurements, mesh, about("namespace"))).rows
                ],
                [(r.route, r.rps) for r in (await routes(measurements, mesh, SERVICE)).rows],
                [
                    (r.server, r.authorization, r.rps, r.clients)
                    for r in (await authz(measurements, mesh, about())).rows
                ],
                [(r.server, r.route, r.rps) for r in (await stat_inbound(measurements, mesh, about())).rows],
                [(r.route, r.backend, r.rps) for r in (await stat_outbound(measurements, mesh, about())).rows],
                [(e.name, e.times, e.success[-1]) for e in (await history(measurements, mesh, MINUTE)).entries],
            ]

        assert repr(await documents(theirs)) == repr(await documents(ours))
        assert await theirs.failures({WEB, ("x", "gone")}) == {
            ("x", "gone"): f"the Prometheus at {url} has no metrics of it"
        }


@pytest.mark.skipif(bool(MISSING), reason=MISSING or "-")
async def test_gaps_and_resets_are_counted_the_same(tmp_path: Path) -> None:
    """Counters that are there at the first and at the last scrape; between, they are missing, stand, fall or rise."""
    chance = random.Random(1)
    start = time.time() // 10 * 10 - 600
    series: list[list[int | None]] = []
    for _ in range(200):
        value, values = BASE, list[int | None]()
        for step in range(STEPS):
            value = chance.choice((value, value + chance.randrange(1000), chance.randrange(1000)))
            there = step in (0, STEPS - 1) or chance.random() < 0.7
            values.append(value if there else None)
        series.append(values)
    store, lines = Store(600), ["# TYPE response_total unknown"]
    for step in range(STEPS):
        page = ""
        for number, counts in enumerate(series):
            if counts[step] is not None:
                page += f'response_total{{direction="inbound",srv_name="{number}"}} {counts[step]}\n'
        scrape(store, WEB, start + step * 10, page)
    for number, counts in enumerate(series):
        labels = f'direction="inbound",srv_name="{number}",namespace="{WEB[0]}",pod="{WEB[1]}"'
        for step, count in enumerate(counts):
            if count is not None:
                lines.append(f"response_total{{{labels}}} {count} {start + step * 10:.3f}")
    now = start + (STEPS - 1) * 10
    async with filled(tmp_path, "\n".join([*lines, "# EOF", ""])) as url, aiohttp.ClientSession() as session:
        both = []
        for measurements in (measured(store, now), Prometheus(session, url, Clock(now))):
            wants, window = [Want("response_total", "inbound")], Window(now, (STEPS - 1) * 10)
            (readings,) = await measurements.read({WEB}, wants, [window])
            both.append({s.labels["srv_name"]: rate for s, rate in readings[WEB]})
    ours, theirs = both
    assert len(theirs) == len(series)
    assert ours == pytest.approx(theirs)


SERVICE = Query(Named("service", "emojivoto", "web-svc"))
MINUTE = Query(Named("deployment"))


async def test_one_that_is_away_is_named_with_the_cause() -> None:
    async with aiohttp.ClientSession() as session:
        away = Prometheus(session, f"http://127.0.0.1:{free_port()}/prefix/")
        with pytest.raises(Unavailable, match=r"the Prometheus at http://127\.0\.0\.1:\d+/prefix cannot be asked: .+"):
            await stat(away, emojivoto(), about())


def test_queries() -> None:
    assert promql(Want("tcp_read_bytes_total", "inbound"), 'namespace=~"x"', 60).startswith("sum by (namespace,pod,")
    assert promql(Want("tcp_open_connections", "outbound"), 'namespace=~"x"', 60).endswith(
        '(tcp_open_connections{namespace=~"x",direction="outbound",peer="dst"})'
    )
    assert 'rate(response_total{namespace=~"x",direction="inbound"}[60s])' in promql(
        Want("response_total", "inbound"), 'namespace=~"x"', 60
    )


async def test_nothing_is_asked_about_no_pods() -> None:
    async with aiohttp.ClientSession() as session:
        away = Prometheus(session, "http://127.0.0.1:1")
        assert await away.read(set(), [Want("response_total")], [Window(0, 60)]) == [{}]
        assert await away.failures(set()) == {}

"""Where the CPU time of a pair goes, by stage, for each of some loads."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from bench.cases import CASES
from bench.pairs import PROXY_CORE, Field
from bench.report import OURS
from bench.sampled import LOOP
from bench.topology import Order

LOADS = ("HTTP/2, 4 x 32", "HTTP/1, 32 connections", "HTTP/1, 1 MB, 8 connections", "HTTP/2 at 2,000/s", "opaque TCP")
_DECIDING = ("linkerd_proxy.outbound", "linkerd_proxy.inbound", "linkerd_proxy.balance", "linkerd_rules")
STAGES = (
    ("TLS", ("linkerd_proxy.transport.tls",)),
    ("HTTP/2 codec", ("linkerd_proxy.codec.h2", "linkerd_proxy.codec.headers")),
    ("HTTP/1 codec", ("linkerd_proxy.codec.h1",)),
    ("connections and exchanges", ("linkerd_proxy.http",)),
    ("routing, balancing, policy", _DECIDING),
    ("metrics", ("linkerd_proxy.telemetry",)),
    ("writing, relays, timers", ("linkerd_proxy.transport",)),
    ("event loop, reading", (LOOP,)),
)
NAMES = [*[name for name, _ in STAGES], "other"]


def stages(samples: Counter[str]) -> dict[str, float]:
    """Shares of stages, the rest as "other"."""
    total = sum(samples.values()) or 1
    found: Counter[str] = Counter()
    for module, count in samples.items():
        name = next((name for name, prefixes in STAGES if module.startswith(prefixes)), "other")
        found[name] += count
    return {name: found[name] / total for name in NAMES}


def run(on: Field, seconds: int) -> str:
    """A table in Markdown: stages by load, in percent of both proxies' CPU time."""
    columns = {}
    for case in CASES:
        if case.name not in LOADS:
            continue
        order = Order(case.protocol, on.directory, (PROXY_CORE,) * 2, on.certificates, on.servers.ports[case.protocol])
        pair = on.peers[OURS](replace(order, sampled=True))
        try:
            case.load(pair.entrance, seconds)
        finally:
            pair.stop()
        samples: Counter[str] = Counter()
        for account in ("web", "voting"):
            samples.update(json.loads((on.directory / f"{account}.samples").read_text()))
        columns[case.name] = stages(samples)
    rows = [["stage", *columns], ["---"] * (1 + len(columns))]
    rows += [[name, *[f"{100 * column[name]:.0f} %" for column in columns.values()]] for name in NAMES]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)

"""`linkerd viz stat-inbound`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import bare_rate, milliseconds, percent
from linkerd_cli.viz.rows import ask_each, show
from linkerd_cli.viz.sides import add_workload_flags, selected
from linkerd_contract.viz import STAT_INBOUND_PATH, StatInboundResponse, StatInboundRow

EXAMPLES = """examples:
  linkerd viz stat-inbound deploy/web -n emojivoto
  linkerd viz stat-inbound po -A -l app=web -t 5m"""


def configure(parser: Parser) -> None:
    """Flags."""
    add_workload_flags(parser)


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    found = run_async(ask_each(args, context, STAT_INBOUND_PATH, StatInboundResponse, selected(args)))
    return show(args, found, lambda found: inbound_table(found.rows, found.namespaces), json_row)


def inbound_table(rows: list[StatInboundRow], namespaces: bool) -> str:
    """Linkerd's columns, behind the namespace where all are asked for."""
    header = ["NAMESPACE"] * namespaces + ["NAME", "SERVER", "ROUTE", "TYPE"]
    left = len(header)
    header += ["SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99"]
    lines = [
        [
            *([row.namespace] * namespaces),
            *(row.name, f"{row.server}:{row.port}", row.route, row.route_kind),
            *(percent(row.success), bare_rate(row.rps)),
            *map(milliseconds, (row.latency_p50, row.latency_p95, row.latency_p99)),
        ]
        for row in rows
    ]
    return table(header, lines, left)


def json_row(row: StatInboundRow) -> dict[str, object]:
    """Linkerd's fields ("successesRate" is spelled so there), and the namespace."""
    return {
        "namespace": row.namespace,
        "name": row.name,
        "server": row.server,
        "port": row.port,
        "route": row.route,
        "routeType": row.route_kind,
        "successesRate": row.success,
        "rps": row.rps,
        "latencyMsP50": row.latency_p50,
        "latencyMsP95": row.latency_p95,
        "latencyMsP99": row.latency_p99,
    }

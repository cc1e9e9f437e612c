"""`linkerd viz routes`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.kinds import TRAFFIC, WORKLOADS
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import milliseconds, percent, rps, whole
from linkerd_cli.viz.metrics_api import add_namespace_flags
from linkerd_cli.viz.rows import ask_each, show
from linkerd_cli.viz.sides import add_output_flag, add_side_flags, add_window_flag, side_parameters
from linkerd_contract.viz import ROUTES_PATH, RouteRow, RoutesResponse

EXAMPLES = """examples:
  linkerd viz routes service/voting -n emojivoto
  linkerd viz routes deploy/web -n emojivoto --to service/voting -o wide"""
NOTHING = "No routes found: no ServiceProfile of the service, and no traffic to it."


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument(
        "resources", nargs="+", metavar="KIND[/NAME]", help="svc, deploy, po, rs, sts, ds, job, cj, rc, ns, au"
    )
    add_namespace_flags(parser)
    add_window_flag(parser)
    add_side_flags(parser, "to")
    add_output_flag(parser, "table", "wide", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    found = run_async(
        ask_each(
            args, context, ROUTES_PATH, RoutesResponse, side_parameters(args, "to"), kinds={**WORKLOADS, **TRAFFIC}
        )
    )
    return show(args, found, lambda found: routes_table(found.rows, args.output == "wide"), json_row, NOTHING)


def routes_table(rows: list[RouteRow], wide: bool) -> str:
    """Linkerd's columns; wide tells requests (effective) from attempts (actual)."""
    if wide:
        figures = ["EFFECTIVE_SUCCESS", "EFFECTIVE_RPS", "ACTUAL_SUCCESS", "ACTUAL_RPS"]
    else:
        figures = ["SUCCESS", "RPS"]
    header = ["ROUTE", "SERVICE", *figures, "LATENCY_P50", "LATENCY_P95", "LATENCY_P99"]
    lines = [
        [
            *(row.route, row.service, percent(row.success), rps(row.rps)),
            *([percent(row.actual_success), rps(row.actual_rps)] * wide),
            *map(milliseconds, (row.latency_p50, row.latency_p95, row.latency_p99)),
        ]
        for row in rows
    ]
    return table(header, lines, 1)


def json_row(row: RouteRow) -> dict[str, object]:
    """Linkerd's fields."""
    return {
        "route": row.route,
        "authority": row.service,
        "effective_success": row.success,
        "effective_rps": row.rps,
        "actual_success": row.actual_success,
        "actual_rps": row.actual_rps,
        "latency_ms_p50": whole(row.latency_p50),
        "latency_ms_p95": whole(row.latency_p95),
        "latency_ms_p99": whole(row.latency_p99),
    }

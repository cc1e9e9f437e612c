"""`linkerd viz authz`."""

import argparse

from linkerd_cli.context import Context, run_async
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import milliseconds, percent, rps, whole
from linkerd_cli.viz.metrics_api import add_namespace_flags
from linkerd_cli.viz.rows import ask_each, show
from linkerd_cli.viz.sides import add_output_flag, add_window_flag
from linkerd_contract.viz import AUTHZ_PATH, AuthzResponse, AuthzRow

EXAMPLES = """examples:
  linkerd viz authz deploy/voting -n emojivoto
  linkerd viz authz po -A -o wide"""
UNAUTHORIZED = "[UNAUTHORIZED]"


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument(
        "resources", nargs="+", metavar="KIND[/NAME]", help="deploy, po, ns, rs, sts, ds, job, cj, rc, svc"
    )
    add_namespace_flags(parser)
    add_window_flag(parser)
    add_output_flag(parser, "table", "wide", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    found = run_async(ask_each(args, context, AUTHZ_PATH, AuthzResponse))
    return show(args, found, lambda found: authz_table(found.rows, args.output == "wide"), json_row)


def authz_table(rows: list[AuthzRow], wide: bool) -> str:
    """Linkerd's columns; wide adds who was let in or denied. A denied row's rate is under UNAUTHORIZED."""
    header = ["ROUTE", "SERVER", "AUTHORIZATION", "UNAUTHORIZED", "SUCCESS", "RPS"]
    header += ["LATENCY_P50", "LATENCY_P95", "LATENCY_P99"]
    lines = [
        [
            *(row.route, row.server, row.authorization or UNAUTHORIZED),
            *(rps(row.denied_rps), percent(row.success), rps(row.rps)),
            *map(milliseconds, (row.latency_p50, row.latency_p95, row.latency_p99)),
            *([",".join(row.clients) or "-"] * wide),
        ]
        for row in rows
    ]
    return table(header + ["CLIENTS"] * wide, lines, 3)


def json_row(row: AuthzRow) -> dict[str, object]:
    """One row, with the names of the table's columns."""
    return {
        "namespace": row.namespace,
        "route": row.route,
        "server": row.server,
        "authorization": row.authorization,
        "unauthorized_rps": row.denied_rps,
        "success": row.success,
        "rps": row.rps,
        "latency_ms_p50": whole(row.latency_p50),
        "latency_ms_p95": whole(row.latency_p95),
        "latency_ms_p99": whole(row.latency_p99),
        "clients": row.clients,
    }

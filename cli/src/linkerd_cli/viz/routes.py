"""`linkerd viz routes`."""

import argparse
import json
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.kinds import parse_resources
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import milliseconds, percent, rps, whole
from linkerd_cli.viz.metrics_api import add_namespace_flags, namespace_of, query
from linkerd_cli.viz.sides import add_output_flag, add_side_flags, add_window_flag, side_parameters
from linkerd_contract.viz import ROUTES_PATH, RouteRow, RoutesResponse

EXAMPLES = """examples:
  linkerd viz routes service/voting -n emojivoto
  linkerd viz routes deploy/web -n emojivoto --to service/voting -o wide"""


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("resources", nargs="+", metavar="KIND[/NAME]", help="svc, deploy, po, rs, sts, ds, job, ns, au")
    add_namespace_flags(parser)
    add_window_flag(parser)
    add_side_flags(parser, "to")
    add_output_flag(parser, "table", "wide", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    resources = parse_resources(args.resources, measured=True)
    rows = run_async(_ask(args, context, resources, side_parameters(args, "to")))
    if args.output == "json":
        json.dump([json_row(row) for row in rows], sys.stdout, indent=2)
        print()
    elif rows:
        sys.stdout.write(routes_table(rows, args.output == "wide"))
    else:
        print("No routes found: no ServiceProfile of the service, and no traffic to it.", file=sys.stderr)
    return 0


async def _ask(
    args: argparse.Namespace, context: Context, resources: list[tuple[str, str | None]], sides: dict[str, str]
) -> list[RouteRow]:
    rows: list[RouteRow] = []
    async with context.client() as client:
        namespace = namespace_of(args, client)
        for kind, name in resources:
            params = {"kind": kind, "window": args.time_window, **sides}
            params |= ({"namespace": namespace} if namespace is not None else {}) | ({"name": name} if name else {})
            rows += (await query(client, context, ROUTES_PATH, params, RoutesResponse)).rows
    return rows


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

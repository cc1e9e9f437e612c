"""`linkerd viz stat`."""

import argparse
import json
import sys

from linkerd_cli.context import Context, run_async
from linkerd_cli.errors import NotImplementedYet
from linkerd_cli.kinds import parse_resources
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.metrics_api import add_namespace_flags, namespace_of, query, warn_unscraped
from linkerd_contract.viz import STAT_PATH, StatResponse, StatRow

EXAMPLES = """examples:
  linkerd viz stat deploy -n emojivoto
  linkerd viz stat deploy/web
  linkerd viz stat -o json deployments"""
_LATER = ("to", "to_namespace", "from", "from_namespace", "selector")


def configure(parser: Parser) -> None:
    """Flags."""
    parser.add_argument("resources", nargs="+", metavar="KIND[/NAME]", help="deploy, po, ns, rs, svc, sts, ds, job")
    add_namespace_flags(parser)
    parser.add_argument("-t", "--time-window", default="1m", metavar="DURATION", help="default 1m, at least 15s")
    parser.add_argument("-o", "--output", choices=("table", "wide", "json"), default="table", help="default table")
    parser.add_argument("--unmeshed", action="store_true", help="also resources without a meshed pod")
    for name in _LATER:
        flags = ["-l", "--selector"] if name == "selector" else [f"--{name.replace('_', '-')}"]
        parser.add_argument(*flags, dest=name, help=argparse.SUPPRESS)


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    for name in _LATER:
        if getattr(args, name) is not None:
            raise NotImplementedYet(f"linkerd viz stat --{name.replace('_', '-')}")
    resources = parse_resources(args.resources)
    namespace, response = run_async(_ask(args, context, resources))
    warn_unscraped(response.unscraped)
    if args.output == "json":
        json.dump([json_row(row) for row in response.rows], sys.stdout, indent=2)
        print()
    elif response.rows:
        sys.stdout.write(stat_table(response.rows, namespace is None, args.output == "wide"))
    else:
        print("No traffic found.", file=sys.stderr)
    return 0


async def _ask(
    args: argparse.Namespace, context: Context, resources: list[tuple[str, str | None]]
) -> tuple[str | None, StatResponse]:
    rows: list[StatRow] = []
    unscraped: dict[str, None] = {}
    async with context.client() as client:
        namespace = namespace_of(args, client)
        for kind, name in resources:
            params = {"kind": kind, "window": args.time_window, "unmeshed": "true" if args.unmeshed else "false"}
            # A namespace is not in one: where the context names a default, `stat ns` still shows all.
            if namespace is not None and (kind != "namespace" or args.namespace):
                params["namespace"] = namespace
            if name is not None:
                params["name"] = name
            response = await query(client, context, STAT_PATH, params, StatResponse)
            rows += response.rows
            unscraped |= dict.fromkeys(response.unscraped)
    return namespace, StatResponse(rows, unscraped=list(unscraped))


def stat_table(rows: list[StatRow], namespaces: bool, wide: bool) -> str:
    """Linkerd's columns; what was not measured is "-"."""
    status = any(row.status for row in rows)
    namespaces = namespaces and any(row.namespace for row in rows)
    kinds = len({row.kind for row in rows}) > 1
    header = ["NAMESPACE"] * namespaces + ["NAME"] + ["STATUS"] * status
    left = len(header)
    header += ["MESHED", "SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99", "TCP_CONN"]
    header += ["READ_BYTES/SEC", "WRITE_BYTES/SEC"] * wide
    lines = []
    for row in rows:
        cells = [row.namespace] * namespaces + [f"{row.kind}/{row.name}" if kinds else row.name]
        cells += [row.status] * status
        cells += [
            f"{row.meshed}/{row.total}",
            "-" if row.success is None else f"{row.success * 100:.2f}%",
            "-" if row.rps is None else f"{row.rps:.1f}rps",
            *("-" if ms is None else f"{ms:.0f}ms" for ms in (row.latency_p50, row.latency_p95, row.latency_p99)),
            "-" if row.tcp_open_connections is None else str(row.tcp_open_connections),
        ]
        rates = (row.tcp_read_bytes_rate, row.tcp_write_bytes_rate)
        cells += ["-" if rate is None else f"{rate:.1f}B/s" for rate in rates] * wide
        lines.append(cells)
    return table(header, lines, left)


def json_row(row: StatRow) -> dict[str, object]:
    """Linkerd's fields, and `dependencies`."""
    return {
        "namespace": row.namespace,
        "kind": row.kind,
        "name": row.name,
        "success": row.success,
        "rps": row.rps,
        "latency_ms_p50": _whole(row.latency_p50),
        "latency_ms_p95": _whole(row.latency_p95),
        "latency_ms_p99": _whole(row.latency_p99),
        "tcp_open_connections": row.tcp_open_connections,
        "tcp_read_bytes_rate": row.tcp_read_bytes_rate,
        "tcp_write_bytes_rate": row.tcp_write_bytes_rate,
        "dependencies": [{"kind": d.kind, "namespace": d.namespace, "name": d.name} for d in row.dependencies],
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)

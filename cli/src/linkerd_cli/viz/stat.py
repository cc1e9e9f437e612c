"""`linkerd viz stat`."""

import argparse

import msgspec

from linkerd_cli.context import Context, run_async
from linkerd_cli.kinds import ALL, POLICIES, TRAFFIC, WORKLOADS
from linkerd_cli.table import table
from linkerd_cli.usage import Parser
from linkerd_cli.viz.cells import byte_rate, milliseconds, percent, rps, whole
from linkerd_cli.viz.metrics_api import add_namespace_flags
from linkerd_cli.viz.rows import ask_each, show
from linkerd_cli.viz.sides import (
    add_output_flag,
    add_selector_flag,
    add_side_flags,
    add_window_flag,
    selected,
    side_parameters,
)
from linkerd_contract.viz import STAT_PATH, StatResponse, StatRow

EXAMPLES = """examples:
  linkerd viz stat deploy -n emojivoto
  linkerd viz stat deploy/web --to svc/voting-svc
  linkerd viz stat ts -n emojivoto
  linkerd viz stat server -n emojivoto
  linkerd viz stat -o json deployments"""
KINDS = {**WORKLOADS, **TRAFFIC, **POLICIES, **ALL}
_POLICIES = frozenset(POLICIES.values())
# As in Linkerd, a name is told with its kind where several kinds are shown.
_SHORT = {
    "authority": "au",
    "authorizationpolicy": "authzpolicy",
    "cronjob": "cj",
    "daemonset": "ds",
    "deployment": "deploy",
    "namespace": "ns",
    "pod": "po",
    "replicaset": "rs",
    "replicationcontroller": "rc",
    "serverauthorization": "saz",
    "service": "svc",
    "statefulset": "sts",
    "trafficsplit": "ts",
}


def configure(parser: Parser) -> None:
    """Flags."""
    kinds = "deploy, po, ns, rs, svc, sts, ds, job, cj, rc, au, ts, server, httproute, saz, authzpolicy, all"
    parser.add_argument("resources", nargs="+", metavar="KIND[/NAME]", help=kinds)
    add_namespace_flags(parser)
    add_window_flag(parser)
    add_side_flags(parser, "to", "from")
    add_selector_flag(parser)
    parser.add_argument("--unmeshed", action="store_true", help="also resources without a meshed pod")
    add_output_flag(parser, "table", "wide", "json")


def run(args: argparse.Namespace, context: Context) -> int:
    """0 also where nothing was found: that is said on stderr."""
    more = side_parameters(args, "to", "from") | selected(args)
    more["unmeshed"] = "true" if args.unmeshed else "false"
    found = run_async(ask_each(args, context, STAT_PATH, StatResponse, more, kinds=KINDS))
    return show(args, found, lambda found: tables(found.rows, found.namespaces, args.output == "wide"), json_row)


def tables(rows: list[StatRow], namespaces: bool, wide: bool) -> str:
    """One for each kind, in the order in which they were asked for."""
    kinds = list(dict.fromkeys(row.kind for row in rows))
    parts = []
    for kind in kinds:
        mine = [row for row in rows if row.kind == kind]
        if len(kinds) > 1:
            mine = [msgspec.structs.replace(row, name=f"{_SHORT.get(kind, kind)}/{row.name}") for row in mine]
        made = split_table(mine, namespaces) if kind == "trafficsplit" else stat_table(mine, namespaces, wide)
        parts.append(made)
    return "\n".join(parts)


def split_table(rows: list[StatRow], namespaces: bool) -> str:
    """Linkerd's columns: a line for each leaf."""
    header = ["NAMESPACE"] * namespaces + ["NAME", "APEX", "LEAF", "WEIGHT", "SUCCESS", "RPS"]
    header += ["LATENCY_P50", "LATENCY_P95", "LATENCY_P99"]
    lines = [
        [
            *([row.namespace] * namespaces),
            *(row.name, row.apex or "-", row.leaf or "-", row.weight or "-"),
            *_figures(row),
        ]
        for row in rows
    ]
    return table(header, lines, 3 + namespaces)


def _figures(row: StatRow) -> list[str]:
    latencies = map(milliseconds, (row.latency_p50, row.latency_p95, row.latency_p99))
    return [percent(row.success), rps(row.rps), *latencies]


def stat_table(rows: list[StatRow], namespaces: bool, wide: bool) -> str:
    """Linkerd's columns; what was not measured is "-"."""
    status = any(row.status for row in rows)
    # Neither authorities nor policies have pods, and connections are not told apart by policy.
    policies = any(row.kind in _POLICIES for row in rows)
    denied = any(row.denied_rps is not None for row in rows)
    meshed = not policies and any(row.kind != "authority" for row in rows)
    namespaces = namespaces and any(row.namespace for row in rows)
    header = ["NAMESPACE"] * namespaces + ["NAME"] + ["STATUS"] * status
    left = len(header)
    header += ["MESHED"] * meshed + ["UNAUTHORIZED"] * denied
    header += ["SUCCESS", "RPS", "LATENCY_P50", "LATENCY_P95", "LATENCY_P99"]
    header += ["TCP_CONN", *["READ_BYTES/SEC", "WRITE_BYTES/SEC"] * wide] if not policies else []
    lines = []
    for row in rows:
        cells = [row.namespace] * namespaces + [row.name]
        cells += [row.status] * status + [f"{row.meshed}/{row.total}"] * meshed + [rps(row.denied_rps)] * denied
        cells += _figures(row)
        if not policies:
            cells.append("-" if row.tcp_open_connections is None else str(row.tcp_open_connections))
            cells += [*map(byte_rate, (row.tcp_read_bytes_rate, row.tcp_write_bytes_rate))] * wide
        lines.append(cells)
    return table(header, lines, left)


def json_row(row: StatRow) -> dict[str, object]:
    """Linkerd's fields, and `dependencies`; of Servers and HTTPRoutes also what was refused."""
    split = {"apex": row.apex, "leaf": row.leaf, "weight": row.weight} if row.leaf is not None else {}
    return {
        "namespace": row.namespace,
        "kind": row.kind,
        "name": row.name,
        "success": row.success,
        "rps": row.rps,
        "latency_ms_p50": whole(row.latency_p50),
        "latency_ms_p95": whole(row.latency_p95),
        "latency_ms_p99": whole(row.latency_p99),
        "tcp_open_connections": row.tcp_open_connections,
        "tcp_read_bytes_rate": row.tcp_read_bytes_rate,
        "tcp_write_bytes_rate": row.tcp_write_bytes_rate,
        "dependencies": [{"kind": d.kind, "namespace": d.namespace, "name": d.name} for d in row.dependencies],
        **split,
        **({} if row.denied_rps is None else {"unauthorized_rps": row.denied_rps}),
    }
